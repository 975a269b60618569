//! A request as data, down to its field lines and the chunks of its body.

/// An HTTP/1.1 request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    lines: Vec<u8>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Counted(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
    /// Of what is announced, only this much is ever sent.
    CutOff {
        head: String,
        sent: Vec<u8>,
    },
}

/// `POST` to this path, without a key and without a body.
pub(crate) fn post(target: &str) -> Request {
    request("POST", target)
}

/// A request without a key and without a body.
pub(crate) fn request(method: &str, target: &str) -> Request {
    let (method, target) = (method.to_owned(), target.to_owned());
    Request { method, target, lines: Vec::new(), body: Body::None }
}

impl Request {
    /// With this `Idempotency-Key`.
    pub(crate) fn key(self, key: impl AsRef<[u8]>) -> Self {
        self.field("Idempotency-Key", key)
    }

    /// With one more field line.
    pub(crate) fn field(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.line([name.as_bytes(), b": ", value.as_ref()].concat())
    }

    /// With one more line in its head, as it is.
    pub(crate) fn line(mut self, line: impl AsRef<[u8]>) -> Self {
        self.lines.extend_from_slice(line.as_ref());
        self.lines.extend_from_slice(b"\r\n");
        self
    }

    /// With a body whose length is told before it.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Body::Counted(body.as_ref().to_vec());
        self
    }

    /// With JSON as its body.
    pub(crate) fn json(self, json: &str) -> Self {
        self.field("Content-Type", "application/json").body(json)
    }

    /// With a body in these chunks.
    pub(crate) fn chunked<'c>(mut self, chunks: impl IntoIterator<Item = &'c [u8]>) -> Self {
        self.body = Body::Chunked(chunks.into_iter().map(<[u8]>::to_vec).collect());
        self
    }

    /// With a body of which so many bytes are announced and only these are sent.
    pub(crate) fn cut_off(mut self, announced: usize, sent: impl AsRef<[u8]>) -> Self {
        let head = format!("Content-Length: {announced}\r\n");
        self.body = Body::CutOff { head, sent: sent.as_ref().to_vec() };
        self
    }

    /// With chunks that are sent so far and no further: no last one follows.
    pub(crate) fn cut_off_chunks(mut self, sent: impl AsRef<[u8]>) -> Self {
        let head = "Transfer-Encoding: chunked\r\n".to_owned();
        self.body = Body::CutOff { head, sent: sent.as_ref().to_vec() };
        self
    }

    /// Sends the body only when it is asked for (RFC 9110 section 10.1.1).
    pub(crate) fn announced(self) -> Self {
        self.field("Expect", "100-continue")
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    pub(crate) fn waits_to_continue(&self) -> bool {
        let lines = self.lines.to_ascii_lowercase();
        lines.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"expect: 100-continue"))
    }

    /// The request line, the field lines and the empty line.
    pub(crate) fn head(&self) -> Vec<u8> {
        let Self { method, target, lines, body } = self;
        let start = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        let framing = match body {
            Body::None => String::new(),
            Body::Counted(body) => format!("Content-Length: {}\r\n", body.len()),
            Body::Chunked(_) => "Transfer-Encoding: chunked\r\n".to_owned(),
            Body::CutOff { head, .. } => head.clone(),
        };
        [start.as_bytes(), lines, framing.as_bytes(), b"\r\n"].concat()
    }

    /// The body as it stands on the wire.
    pub(crate) fn content(&self) -> Vec<u8> {
        match &self.body {
            Body::None => Vec::new(),
            Body::Counted(body) | Body::CutOff { sent: body, .. } => body.clone(),
            Body::Chunked(chunks) => {
                let mut content = Vec::new();
                for chunk in chunks {
                    content.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    content.extend_from_slice(chunk);
                    content.extend_from_slice(b"\r\n");
                }
                content.extend_from_slice(b"0\r\n\r\n");
                content
            }
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head(), self.content()].concat()
    }
}
