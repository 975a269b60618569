//! The least that a proxy on hyper does: it reads a request, sends it on, and reads and writes the answer.
//!
//! No field is looked at, nothing is limited, nobody waits for anything. What `seiriken proxy` takes beyond this,
//! the keys take, and what a proxy owes to those on both sides; what this takes beyond nginx, no proxy on
//! hyper does without.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::failure::{Failure, While};

/// Passes everything through, until it is ended: on a thread for each core, as the proxy does.
pub fn serve(upstream: &str) -> Result<(), Failure> {
    let upstream =
        upstream.trim_start_matches("http://").parse().while_doing("reading where to")?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").while_doing("listening")?;
    listener.set_nonblocking(true).while_doing("listening")?;
    let address = listener.local_addr().while_doing("listening")?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let start = |_| {
        let listener = listener.try_clone().while_doing("listening")?;
        Ok(thread::spawn(move || on_a_core(listener, upstream)))
    };
    let threads = (0..cores).map(start).collect::<Result<Vec<JoinHandle<_>>, Failure>>()?;
    println!("listening on http://{address}");
    for thread in threads {
        let ended = thread.join().map_err(|_| Failure::new("a thread panicked"))?;
        ended.while_doing("passing requests through")?;
    }
    Ok(())
}

fn on_a_core(listener: std::net::TcpListener, upstream: SocketAddr) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::spawn(async move {
                if let Err(error) = passed_through(client, upstream).await {
                    eprintln!("a connection ended: {error}");
                }
            });
        }
    })
}

/// A connection of its own to the service, for each client.
async fn passed_through(client: TcpStream, upstream: SocketAddr) -> Result<(), hyper::Error> {
    let Ok(service) = TcpStream::connect(upstream).await else { return Ok(()) };
    // Held back by neither side: who sends waits for the answer.
    let _ = (client.set_nodelay(true), service.set_nodelay(true));
    let (sender, connection) = handshake(TokioIo::new(service)).await?;
    tokio::spawn(connection);
    let sender = Arc::new(Mutex::new(sender));
    let passing = service_fn(move |request| pass(Arc::clone(&sender), request));
    http1::Builder::new().serve_connection(TokioIo::new(client), passing).await
}

async fn pass(
    sender: Arc<Mutex<SendRequest<Incoming>>>,
    request: Request<Incoming>,
) -> Result<Response<Incoming>, hyper::Error> {
    let mut sender = sender.lock().await;
    sender.ready().await?;
    sender.send_request(request).await
}
