//! A connection whose other end has to take what is written to it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::in_flight::InFlight;

/// Fails once the other end has taken nothing for so long. A client that does not read its answer
/// would otherwise keep it in memory for ever.
pub(super) struct Stalling<T> {
    stream: T,
    taken: InFlight,
    limit: Duration,
    late: Option<Pin<Box<Sleep>>>,
}

impl<T> Stalling<T> {
    /// What is taken is told there.
    pub(super) fn new(stream: T, limit: Duration, taken: InFlight) -> Self {
        Self { stream, taken, limit, late: None }
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &polled {
            self.taken.taken(*bytes);
        }
        self.in_time(cx, polled)
    }

    fn in_time<R>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            self.late = None;
            return polled;
        }
        let limit = self.limit;
        let late = self.late.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        late.as_mut().poll(cx).map(|()| {
            let why = format!("the other end has read nothing for {limit:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, why))
        })
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stalling<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stalling<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.written(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(cx, polled)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_nothing_is_cut_and_whoever_reads_slowly_is_not() {
        let limit = Duration::from_mins(1);
        let (near, mut far) = tokio::io::duplex(16);
        let reading = tokio::spawn(async move {
            let mut piece = [0; 16];
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                far.read_exact(&mut piece).await.expect("it is written to");
            }
            far
        });
        let mut near = Stalling::new(near, limit, InFlight::new());
        near.write_all(&[b'x'; 64]).await.expect("it is read, slowly");
        let _far = reading.await.expect("it has read all");
        near.write_all(&[b'x'; 16]).await.expect("there is room for as much");
        let written = near.write_all(&[b'x'; 16]);
        let written = tokio::time::timeout(Duration::from_hours(1), written).await;
        let cut = written.expect("it ends").expect_err("nobody reads");
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
    }
}
