//! HTTP/2 written byte by byte (RFC 9113 section 4): what no library would send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::PATIENCE;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// How a request was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was answered.
    Answered,
    /// The stream or the connection was ended instead.
    Refused,
}

/// Sends one request on a connection of its own: these fields, as they are, and this body.
pub(crate) async fn request(authority: &str, fields: &[(&str, &str)], body: &str) -> Taken {
    let mut stream = TcpStream::connect(authority).await.expect("the proxy listens");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    let end = if body.is_empty() { END_STREAM } else { 0 };
    bytes.extend(frame(HEADERS, END_HEADERS | end, 1, &block(fields)));
    if !body.is_empty() {
        bytes.extend(frame(DATA, END_STREAM, 1, body.as_bytes()));
    }
    stream.write_all(&bytes).await.expect("the proxy reads");
    tokio::time::timeout(PATIENCE, taken(stream)).await.expect("the proxy answers")
}

async fn taken(mut stream: TcpStream) -> Taken {
    let mut head = [0; 9];
    loop {
        if stream.read_exact(&mut head).await.is_err() {
            return Taken::Refused;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut rest = vec![0; length];
        if stream.read_exact(&mut rest).await.is_err() {
            return Taken::Refused;
        }
        match head[3] {
            // The first byte is the status: 8 is 200, 14 is 500 (RFC 7541 appendix A); others are
            // spelled out.
            HEADERS => return Taken::Answered,
            RST_STREAM | GOAWAY => return Taken::Refused,
            _ => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals (RFC 7541 section 6.2.2), in the order given.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short").min(126));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}
