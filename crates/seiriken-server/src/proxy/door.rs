//! Connections of clients: taken in, served, and ended.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use seiriken::store::Operate;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::core::Core;
use super::guards::{Guards, Told};
use super::in_flight::{Counted, InFlight};
use super::options::Deadlines;
use super::outbound::Peer;
use super::stalling::Stalling;
use crate::traces;

/// The longest head of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// The most fields of one.
const FIELDS_MAX: usize = 100;

/// How many requests one connection may have at a time, in HTTP/2.
const STREAMS_MAX: u32 = 100;

/// What every connection is served with.
pub(super) struct Door<S> {
    /// Who serves the connections.
    pub(super) cores: Vec<Core<Guards<S>>>,
    pub(super) deadlines: Deadlines,
    pub(super) tls: Option<TlsAcceptor>,
    /// One for each connection that may be open.
    pub(super) places: Arc<Semaphore>,
}

impl<S: Operate + Clone> Door<S> {
    /// Takes connections until `stop` turns true; then waits for what has begun.
    pub(super) async fn serve(self, listeners: Vec<TcpListener>, stop: watch::Receiver<bool>) {
        let (door, connections) = (Arc::new(self), TaskTracker::new());
        for listener in listeners {
            let (door, connections, stop) = (Arc::clone(&door), connections.clone(), stop.clone());
            let accepting = async move { door.accept(listener, &connections, stop).await };
            tokio::spawn(accepting);
        }
        stopped(stop).await;
        connections.close();
        connections.wait().await;
    }

    async fn accept(
        self: Arc<Self>,
        listener: TcpListener,
        connections: &TaskTracker,
        stop: watch::Receiver<bool>,
    ) {
        let mut stopping = pin!(stopped(stop.clone()));
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                () = &mut stopping => return,
            };
            match (place, accepted) {
                (Ok(place), Ok((stream, from))) => {
                    self.hand_over(stream, from, place, connections, stop.clone());
                }
                (Err(_), _) => return,
                // No more descriptors, say: some connection has to end first.
                (_, Err(error)) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn hand_over(
        self: &Arc<Self>,
        stream: TcpStream,
        from: SocketAddr,
        place: OwnedSemaphorePermit,
        connections: &TaskTracker,
        stop: watch::Receiver<bool>,
    ) {
        let Some((core, taken)) = Core::take(&self.cores) else { return };
        // The runtime that drives it is another one from here on.
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%error, "a connection could not be handed over"),
        };
        let (door, guards) = (Arc::clone(self), Arc::clone(core.guards()));
        let serving = async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => door.connection(stream, from, guards, stop).await,
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            }
            drop((place, taken));
        };
        connections.spawn_on(serving, core.runtime());
    }

    async fn connection(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        guards: Arc<Guards<S>>,
        stop: watch::Receiver<bool>,
    ) {
        // Answers are waited for: never held back to fill a packet.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its packets back");
        }
        let Some(tls) = &self.tls else {
            let peer = Peer::new(from.ip(), false);
            return self.spoken(stream, peer, guards, stop).await;
        };
        match tokio::time::timeout(self.deadlines.header_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let peer = Peer::new(from.ip(), true);
                self.spoken(stream, peer, guards, stop).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "no TLS was agreed on"),
            Err(_) => tracing::debug!("no TLS was agreed on in time"),
        }
    }

    /// Serves HTTP/1.1 or HTTP/2, whichever the client speaks.
    async fn spoken<T>(
        &self,
        stream: T,
        peer: Peer,
        guards: Arc<Guards<S>>,
        stop: watch::Receiver<bool>,
    ) where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let idle = self.deadlines.idle_timeout;
        let in_flight = InFlight::new();
        let requests = in_flight.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (guards, peer, counted) = (Arc::clone(&guards), peer.clone(), requests.count());
            async move {
                let span = traces::received(&request, None);
                let answer: Response<Told> =
                    traces::answered(span, guards.answer(request, &peer)).await;
                Ok::<_, Infallible>(answer.map(|body| Counted::new(body, counted)))
            }
        });
        let builder = self.builder();
        let io = TokioIo::new(Stalling::new(stream, idle, in_flight.clone()));
        let mut connection = pin!(builder.serve_connection(io, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = in_flight.none_for(self.deadlines.header_timeout, idle) => None,
            () = stopped(stop) => None,
        };
        let ended = if let Some(ended) = ended {
            Ok(ended)
        } else {
            // What has begun is finished; the head of a request that has not come whole is not
            // waited for longer than any.
            connection.as_mut().graceful_shutdown();
            let soon = self.deadlines.header_timeout;
            let silent = in_flight.none_for(soon, soon);
            tokio::select! {
                ended = connection.as_mut() => Ok(ended),
                () = silent => Err("it lay still"),
            }
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection ended"),
            Err(why) => tracing::debug!(why, "a connection was cut"),
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let header = self.deadlines.header_timeout;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(FIELDS_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEAD_BYTES_MAX.try_into().unwrap_or(u32::MAX))
            .max_concurrent_streams(STREAMS_MAX)
            .keep_alive_interval(self.deadlines.idle_timeout)
            .keep_alive_timeout(header);
        builder
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that nobody is left to say stop: so stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
