//! A client that sends the very bytes it is told to, and reads an answer as it stands on the wire.
//! A library for clients would join field lines, close quotes and finish bodies.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::request::Request;

/// Field lines in the order they came, names in lower case.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// One HTTP/1.1 connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer that was read to its end.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    /// Whether the body was asked for first (`100 Continue`).
    pub(crate) continued: bool,
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
}

/// Sends a request on a connection of its own and reads the answer.
pub(crate) async fn ask(address: SocketAddr, request: &Request) -> io::Result<Answer> {
    let mut connection = Connection::to(address).await?;
    if !request.waits_to_continue() {
        connection.send(&request.bytes()).await?;
        return connection.answer(request).await;
    }
    connection.send(&request.head()).await?;
    let answer = connection.answer(request).await?;
    if answer.status != 100 {
        return Ok(answer);
    }
    connection.send(&request.content()).await?;
    Ok(Answer { continued: true, ..connection.answer(request).await? })
}

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: BufReader::new(TcpStream::connect(address).await?) })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes).await
    }

    /// The next answer, to this request.
    pub(crate) async fn answer(&mut self, request: &Request) -> io::Result<Answer> {
        let line = self.line().await?;
        let mut words = line.splitn(3, ' ').skip(1);
        let status = words.next().and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or_else(|| broken(&line))?;
        let reason = words.next().unwrap_or_default().to_owned();
        let mut answer = Answer { status, reason, ..Answer::default() };
        answer.fields = self.fields().await?;
        // RFC 9112 section 6.3: how the end of the body is found.
        if request.method() == "HEAD" || matches!(status, 100..=199 | 204 | 304) {
            return Ok(answer);
        }
        if answer.text("transfer-encoding") == ["chunked"] {
            loop {
                let size = self.line().await?;
                let size = usize::from_str_radix(&size, 16).map_err(|_| broken(&size))?;
                if size == 0 {
                    break;
                }
                self.read(size, &mut answer.body).await?;
                self.line().await?;
            }
            answer.trailers = self.fields().await?;
        } else if let [length] = answer.text("content-length")[..] {
            let length = length.parse().map_err(|_| broken(length))?;
            self.read(length, &mut answer.body).await?;
        } else {
            self.stream.read_to_end(&mut answer.body).await?;
        }
        Ok(answer)
    }

    async fn read(&mut self, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let start = into.len();
        into.resize(start + length, 0);
        self.stream.read_exact(&mut into[start..]).await.map(drop)
    }

    /// Field lines up to the empty one.
    async fn fields(&mut self) -> io::Result<Fields> {
        let mut fields = Fields::new();
        loop {
            let line = self.bytes_of_line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let colon = line.iter().position(|&byte| byte == b':');
            let colon = colon.ok_or_else(|| broken("a field without a colon"))?;
            let name = String::from_utf8_lossy(&line[..colon]).to_lowercase();
            fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let line = self.bytes_of_line().await?;
        String::from_utf8(line).map_err(|_| broken("a line that is no text"))
    }

    async fn bytes_of_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(line.to_vec()),
            None => Err(broken("the connection was closed instead of an answer")),
        }
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::other(format!("no HTTP: {what}"))
}

impl Answer {
    /// The values of a field, in their order.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// Those of them that are text.
    pub(crate) fn text(&self, name: &str) -> Vec<&str> {
        self.values(name).into_iter().filter_map(|value| std::str::from_utf8(value).ok()).collect()
    }
}

/// As it stood on the wire, but for bytes that are no text.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.continued {
            writeln!(f, "100 Continue")?;
        }
        writeln!(f, "{} {}", self.status, self.reason)?;
        for (name, value) in self.fields.iter().chain(&self.trailers) {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value))?;
        }
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(400)]).into_owned();
        write!(f, "\n{body}")
    }
}
