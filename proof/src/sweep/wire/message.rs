//! An order as bytes on the wire, and where one can look at an answer's bytes.

/// How a request is put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// HTTP/1.1 with `Content-Length`.
    Length,
    /// HTTP/1.1 in chunks.
    Chunked,
    /// HTTP/2, with prior knowledge (RFC 9113 section 3.3).
    Http2,
}

pub(super) const FORMS: [Form; 3] = [Form::Length, Form::Chunked, Form::Http2];

/// A request's bytes, and where its frames end: head, chunks, HTTP/2 frames.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    pub(super) frame_ends: Vec<usize>,
}

impl Message {
    fn of(frames: &[&[u8]]) -> Self {
        let mut message = Self { bytes: Vec::new(), frame_ends: Vec::new() };
        for frame in frames {
            message.bytes.extend_from_slice(frame);
            message.frame_ends.push(message.bytes.len());
        }
        message
    }
}

/// The item that this key's order is of: it can be told from all others.
pub(super) fn item(key: &str) -> String {
    format!("cake-{key}")
}

/// `POST /orders` under this key. Another form is the same request.
pub(super) fn order(form: Form, key: &str) -> Message {
    // Cut within the spaces, it looks like a whole order.
    let body = format!("{{\"itemId\":\"{}\",\"qty\":1}}{:20}", item(key), "");
    let (first, rest) = body.split_at(body.len() - 10);
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: shop\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nConnection: close\r\n"
    );
    match form {
        Form::Length => {
            let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
            Message::of(&[head.as_bytes(), body.as_bytes()])
        }
        Form::Chunked => {
            let head = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
            let chunk = |piece: &str| format!("{:x}\r\n{piece}\r\n", piece.len());
            let chunks = [chunk(first), chunk(rest)];
            let [one, two] = chunks.each_ref().map(String::as_bytes);
            Message::of(&[head.as_bytes(), one, two, b"0\r\n\r\n"])
        }
        Form::Http2 => Message::of(&[
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            &frame(SETTINGS, 0, 0, b""),
            &frame(HEADERS, END_HEADERS, STREAM, &field_block(key)),
            &frame(DATA, 0, STREAM, first.as_bytes()),
            &frame(DATA, END_STREAM, STREAM, rest.as_bytes()),
        ]),
    }
}

// HTTP/2, RFC 9113 section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const STREAM: u32 = 1;
const CANCEL: [u8; 4] = [0, 0, 0, 8];
const FRAME_HEAD: usize = 9;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Ends the stream of the order and leaves its connection alone.
pub(super) fn cancel() -> Vec<u8> {
    frame(RST_STREAM, 0, STREAM, &CANCEL)
}

/// The fields of the order: from the static table where they are in it, in plain text where not
/// (RFC 7541 sections 6.1 and 6.2.2).
fn field_block(key: &str) -> Vec<u8> {
    fn text(block: &mut Vec<u8>, text: &str) {
        block.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        block.extend_from_slice(text.as_bytes());
    }
    let (method_post, scheme_http, authority, path, content_type) = (0x83, 0x86, 1, 4, [15, 16]);
    let mut block = vec![method_post, scheme_http, authority];
    text(&mut block, "shop");
    block.push(path);
    text(&mut block, "/orders");
    block.extend(content_type);
    text(&mut block, "application/json");
    block.push(0);
    text(&mut block, "idempotency-key");
    text(&mut block, key);
    block
}

/// What can be seen of an answer in the bytes that have come so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Where the frames end that have come whole; of HTTP/1.1 head and body.
    pub(super) frame_ends: Vec<usize>,
    /// The bytes of the body.
    pub(super) body: Vec<u8>,
    /// It has come to its end.
    pub(super) whole: bool,
}

/// Looks at the bytes of an answer.
pub(super) fn seen(form: Form, bytes: &[u8]) -> Seen {
    match form {
        Form::Length | Form::Chunked => seen_http1(bytes),
        Form::Http2 => seen_http2(bytes),
    }
}

fn seen_http1(bytes: &[u8]) -> Seen {
    let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else {
        return Seen::default();
    };
    let (head, body) = bytes.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let whole = length == Some(body.len());
    let frame_ends = if whole { vec![end + 4, bytes.len()] } else { vec![end + 4] };
    Seen { frame_ends, body: body.to_vec(), whole }
}

fn seen_http2(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut at = 0;
    while let Some(&[high, middle, low, kind, flags, ..]) = bytes[at..].first_chunk::<FRAME_HEAD>()
    {
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let payload = &bytes[at + FRAME_HEAD..];
        if kind == DATA {
            seen.body.extend_from_slice(&payload[..length.min(payload.len())]);
        }
        if payload.len() < length {
            break;
        }
        at += FRAME_HEAD + length;
        seen.frame_ends.push(at);
        if (kind == DATA || kind == HEADERS) && flags & END_STREAM != 0 {
            seen.whole = true;
            break;
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_cut_into_its_frames() {
        for (form, frames) in FORMS.into_iter().zip([2, 4, 5]) {
            let message = order(form, "k-1");
            assert_eq!(message.frame_ends.len(), frames, "{form:?}");
            assert_eq!(message.frame_ends.last(), Some(&message.bytes.len()), "{form:?}");
        }
    }

    #[test]
    fn an_answer_is_whole_where_it_ends_and_not_before() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\ndone";
        let frames = [frame(SETTINGS, 0, 0, b""), frame(HEADERS, END_HEADERS, 1, b"x")].concat();
        let frames = [frames, frame(DATA, END_STREAM, 1, b"done")].concat();
        for (form, answer, ends) in [(Form::Length, &answer[..], 2), (Form::Http2, &frames[..], 3)]
        {
            for length in 0..answer.len() {
                assert!(!seen(form, &answer[..length]).whole, "{form:?} {length}");
            }
            let whole = seen(form, answer);
            assert_eq!((whole.whole, &whole.body[..]), (true, &b"done"[..]), "{form:?}");
            assert_eq!(whole.frame_ends.len(), ends, "{form:?}");
        }
    }
}
