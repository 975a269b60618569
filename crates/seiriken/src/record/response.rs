//! The recorded answer: status, fields and body in one buffer, ready to be stored and to be given
//! again byte for byte.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// The first answer to an operation.
///
/// One reference-counted buffer: cloning it copies nothing, and equal answers are equal bytes.
///
/// ```text
/// byte  0      layout version (1)
///       1      flags: bit 0 = the body was too long to keep
///       2..4   status                        u16, little endian, as all numbers here
///       4..6   number of header fields       u16
///       6..8   number of trailer fields      u16
///       then, for each field: name length u16, value length u32, name, value
///       then the body, to the end
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedResponse {
    buffer: Bytes,
    body_at: usize,
}

/// One header or trailer field: name and value.
pub type Field<'r> = (&'r [u8], &'r [u8]);

/// An answer that has more fields, or longer ones, than the layout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer has more than 65535 fields, or a field too long to record")]
pub struct ResponseTooLong;

const VERSION: u8 = 1;
const BODY_NOT_KEPT: u8 = 1;
const PREFIX: usize = 8;
const FIELD_PREFIX: usize = 6;

impl RecordedResponse {
    /// Records an answer with its body.
    pub fn new(
        status: u16,
        headers: &[Field<'_>],
        trailers: &[Field<'_>],
        body: &[u8],
    ) -> Result<Self, ResponseTooLong> {
        Self::of_fields(status, || headers.iter().copied(), || trailers.iter().copied(), body)
    }

    /// As [`RecordedResponse::new`], from fields that lie elsewhere: nothing is put together first.
    pub(crate) fn of_fields<'f, H, T>(
        status: u16,
        headers: impl Fn() -> H,
        trailers: impl Fn() -> T,
        body: &[u8],
    ) -> Result<Self, ResponseTooLong>
    where
        H: Iterator<Item = Field<'f>>,
        T: Iterator<Item = Field<'f>>,
    {
        Self::build(0, status, headers, trailers, body)
    }

    /// Records that there was an answer, without its body: it was too long to keep. A retry is
    /// told so, and the work is still never run again.
    pub fn without_body(status: u16, headers: &[Field<'_>]) -> Result<Self, ResponseTooLong> {
        Self::build(BODY_NOT_KEPT, status, || headers.iter().copied(), std::iter::empty, &[])
    }

    /// Records the result of work that is no HTTP request: bytes alone, under status 200.
    pub fn of_work(result: &[u8]) -> Self {
        match Self::new(200, &[], &[], result) {
            Ok(recorded) => recorded,
            Err(ResponseTooLong) => unreachable!("no field is too long where there is none"),
        }
    }

    fn build<'f, H, T>(
        flags: u8,
        status: u16,
        headers: impl Fn() -> H,
        trailers: impl Fn() -> T,
        body: &[u8],
    ) -> Result<Self, ResponseTooLong>
    where
        H: Iterator<Item = Field<'f>>,
        T: Iterator<Item = Field<'f>>,
    {
        let fields = || headers().chain(trailers());
        let body_at =
            PREFIX + fields().map(|(n, v)| FIELD_PREFIX + n.len() + v.len()).sum::<usize>();
        let count = |number: usize| u16::try_from(number).map_err(|_| ResponseTooLong);
        let mut buffer = BytesMut::with_capacity(body_at + body.len());
        buffer.put_u8(VERSION);
        buffer.put_u8(flags);
        buffer.put_u16_le(status);
        buffer.put_u16_le(count(headers().count())?);
        buffer.put_u16_le(count(trailers().count())?);
        for (name, value) in fields() {
            buffer.put_u16_le(count(name.len())?);
            buffer.put_u32_le(value.len().try_into().map_err(|_| ResponseTooLong)?);
            buffer.put_slice(name);
            buffer.put_slice(value);
        }
        assert_eq!(buffer.len(), body_at, "the body begins where the fields end");
        buffer.put_slice(body);
        Ok(Self { buffer: buffer.freeze(), body_at })
    }

    /// Reads what [`RecordedResponse::as_bytes`] gave. `None` when the bytes are not such a
    /// buffer: they are corrupt, or of a version that this one does not know.
    pub fn from_bytes(buffer: Bytes) -> Option<Self> {
        if *buffer.first()? != VERSION {
            return None;
        }
        let fields = usize::from(u16_at(&buffer, 4)?) + usize::from(u16_at(&buffer, 6)?);
        let mut at = PREFIX;
        for _ in 0..fields {
            let (_, end) = field_at(&buffer, at)?;
            at = end;
        }
        Some(Self { buffer, body_at: at })
    }

    /// The whole buffer, for the store that keeps it.
    pub fn as_bytes(&self) -> &Bytes {
        &self.buffer
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.number(2)
    }

    /// Whether the body was kept. When it was not, [`RecordedResponse::body`] is empty.
    pub fn body_kept(&self) -> bool {
        self.buffer[1] & BODY_NOT_KEPT == 0
    }

    /// The header fields, in their order.
    pub fn headers(&self) -> Fields<'_> {
        Fields { buffer: &self.buffer, at: PREFIX, left: self.number(4) }
    }

    /// The trailer fields, in their order.
    pub fn trailers(&self) -> Fields<'_> {
        let mut headers = self.headers();
        headers.by_ref().for_each(drop);
        Fields { left: self.number(6), ..headers }
    }

    /// The body: a slice of the same buffer.
    pub fn body(&self) -> Bytes {
        self.buffer.slice(self.body_at..)
    }

    fn number(&self, at: usize) -> u16 {
        u16_at(&self.buffer, at).expect("the prefix was checked when the buffer was made")
    }
}

impl fmt::Debug for RecordedResponse {
    /// Status and length: an answer may hold what does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.buffer.len() - self.body_at;
        write!(f, "RecordedResponse({}, {body} bytes of body)", self.status())
    }
}

/// The fields of a [`RecordedResponse`].
#[derive(Debug, Clone)]
pub struct Fields<'r> {
    buffer: &'r [u8],
    at: usize,
    left: u16,
}

impl<'r> Iterator for Fields<'r> {
    type Item = Field<'r>;

    fn next(&mut self) -> Option<Field<'r>> {
        self.left = self.left.checked_sub(1)?;
        let (field, end) = field_at(self.buffer, self.at)?;
        self.at = end;
        Some(field)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left.into()))
    }
}

/// The field that begins at `at`, and where it ends.
fn field_at(buffer: &[u8], at: usize) -> Option<(Field<'_>, usize)> {
    let name_at = at.checked_add(FIELD_PREFIX)?;
    let value_at = name_at.checked_add(usize::from(u16_at(buffer, at)?))?;
    let length = buffer.get(at + 2..name_at)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let end = value_at.checked_add(usize::try_from(length).ok()?)?;
    Some(((buffer.get(name_at..value_at)?, buffer.get(value_at..end)?), end))
}

fn u16_at(buffer: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(buffer.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        vec(any::<u8>(), 0..40)
    }

    proptest! {
        #[test]
        fn what_is_recorded_is_read_back(
            status in 100u16..600,
            headers in vec((bytes(), bytes()), 0..6),
            trailers in vec((bytes(), bytes()), 0..3),
            body in vec(any::<u8>(), 0..200),
        ) {
            let fields = |fields: &[(Vec<u8>, Vec<u8>)]| -> Vec<(Vec<u8>, Vec<u8>)> { fields.to_vec() };
            let (h, t) = (fields(&headers), fields(&trailers));
            let h: Vec<Field<'_>> = h.iter().map(|(n, v)| (&n[..], &v[..])).collect();
            let t: Vec<Field<'_>> = t.iter().map(|(n, v)| (&n[..], &v[..])).collect();
            let recorded = RecordedResponse::new(status, &h, &t, &body).unwrap();
            let read = RecordedResponse::from_bytes(recorded.as_bytes().clone()).unwrap();
            prop_assert_eq!(&read, &recorded);
            prop_assert_eq!(read.status(), status);
            prop_assert_eq!(read.headers().size_hint(), (0, Some(h.len())));
            prop_assert!(read.headers().eq(h.iter().copied()));
            prop_assert!(read.trailers().eq(t.iter().copied()));
            prop_assert_eq!(&read.body()[..], &body[..]);
            prop_assert!(read.body_kept());
        }

        #[test]
        fn no_bytes_panic(buffer in vec(any::<u8>(), 0..64)) {
            let mut buffer = buffer;
            if let Some(first) = buffer.first_mut() { *first = VERSION; }
            if let Some(read) = RecordedResponse::from_bytes(buffer.into()) {
                read.headers().chain(read.trailers()).for_each(drop);
            }
        }
    }

    #[test]
    fn an_answer_too_long_to_keep_says_so() {
        let recorded = RecordedResponse::without_body(201, &[(b"location", b"/a")]).unwrap();
        assert!(!recorded.body_kept());
        assert_eq!(recorded.status(), 201);
        assert_eq!(recorded.headers().next(), Some((&b"location"[..], &b"/a"[..])));
    }

    /// An answer may hold what does not belong in a log.
    #[test]
    fn it_shows_its_status_and_its_length_alone() {
        let recorded = RecordedResponse::new(201, &[(b"location", b"/a")], &[], b"secret").unwrap();
        assert_eq!(format!("{recorded:?}"), "RecordedResponse(201, 6 bytes of body)");
    }

    #[test]
    fn a_field_that_does_not_fit_is_an_error() {
        let long = vec![b'n'; 70_000];
        assert_eq!(RecordedResponse::new(200, &[(&long, b"")], &[], b""), Err(ResponseTooLong));
    }
}
