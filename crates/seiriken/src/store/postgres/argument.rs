//! The arguments of a statement: bound to a prepared one, or written into its text.

use std::fmt::Write as _;

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

/// One argument, of the three types that the statements know.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    ByteStrings(Vec<Option<Vec<u8>>>),
}

impl Argument {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }

    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }

    pub(super) fn bind(
        self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Query<'_, Postgres, PgArguments> {
        match self {
            Self::Int(number) => query.bind(number),
            Self::Text(text) => query.bind(text),
            Self::Bytes(bytes) => query.bind(bytes),
            Self::Ints(numbers) => query.bind(numbers),
            Self::Texts(texts) => query.bind(texts),
            Self::ByteStrings(strings) => query.bind(strings),
        }
    }

    /// Rows of arguments as columns: of each place the arguments of all rows, as one.
    pub(super) fn transposed<const N: usize>(rows: Vec<[Self; N]>) -> [Self; N] {
        let mut columns = std::array::from_fn(|_| None);
        for row in rows {
            for (column, argument) in columns.iter_mut().zip(row) {
                match (column, argument) {
                    (Some(Self::Ints(items)), Self::Int(item)) => items.push(item),
                    (Some(Self::Texts(items)), Self::Text(item)) => items.push(item),
                    (Some(Self::ByteStrings(items)), Self::Bytes(item)) => items.push(item),
                    (column @ None, Self::Int(item)) => *column = Some(Self::Ints(vec![item])),
                    (column @ None, Self::Text(item)) => *column = Some(Self::Texts(vec![item])),
                    (column @ None, Self::Bytes(item)) => {
                        *column = Some(Self::ByteStrings(vec![item]));
                    }
                    _ => unreachable!("a column is of one type"),
                }
            }
        }
        columns.map(|column| column.expect("nobody asks for no row"))
    }

    fn write(&self, sql: &mut String) {
        match self {
            Self::Int(number) => write_int(sql, number.as_ref()),
            Self::Text(text) => write_text(sql, text.as_ref()),
            Self::Bytes(bytes) => write_bytes(sql, bytes.as_ref()),
            Self::Ints(numbers) => write_array(sql, numbers, write_int),
            Self::Texts(texts) => write_array(sql, texts, write_text),
            Self::ByteStrings(strings) => write_array(sql, strings, write_bytes),
        }
    }
}

/// The statement with each `$n` replaced by what it stands for. No text of a statement has a `$`
/// for anything else.
pub(super) fn written_out(statement: &str, arguments: &[Argument]) -> String {
    let length = arguments.iter().map(Argument::length).sum::<usize>();
    let mut sql = String::with_capacity(statement.len() + length);
    let mut pieces = statement.split('$');
    sql.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = piece.split_at(digits);
        let number: usize = number.parse().expect("a `$` in a statement has its number after it");
        arguments[number - 1].write(&mut sql);
        sql.push_str(rest);
    }
    sql
}

impl Argument {
    /// About how long its text is.
    fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => 32 + bytes.as_ref().map_or(0, |bytes| bytes.len() * 2),
            Self::ByteStrings(strings) => {
                strings.iter().flatten().map(|bytes| 32 + bytes.len() * 2).sum()
            }
            Self::Int(_) | Self::Text(_) => 24,
            Self::Ints(items) => items.len() * 16,
            Self::Texts(items) => items.len() * 24,
        }
    }
}

fn write_int(sql: &mut String, number: Option<&i64>) {
    let _ = match number {
        // Without the brackets a minus would belong to whatever stands before it.
        Some(number) => write!(sql, "({number})"),
        None => write!(sql, "NULL"),
    };
}

/// Words of ours alone come here, of letters and `_`: there is nothing to escape.
fn write_text(sql: &mut String, text: Option<&String>) {
    let plain = |text: &String| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match text {
        Some(text) => {
            assert!(plain(text), "only words of our own are written into a statement");
            let _ = write!(sql, "'{text}'");
        }
        None => sql.push_str("NULL"),
    }
}

/// By a function, whose argument means the same under every setting of the session.
fn write_bytes(sql: &mut String, bytes: Option<&Vec<u8>>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(bytes) = bytes else { return sql.push_str("NULL") };
    sql.push_str("decode('");
    for byte in bytes {
        sql.push(char::from(DIGITS[usize::from(byte >> 4)]));
        sql.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    sql.push_str("', 'hex')");
}

fn write_array<T>(sql: &mut String, items: &[Option<T>], write: fn(&mut String, Option<&T>)) {
    sql.push_str("ARRAY[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            sql.push_str(", ");
        }
        write(sql, item.as_ref());
    }
    sql.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_written_where_they_stand() {
        let arguments = [
            Argument::Int(Some(-7)),
            Argument::bytes(b"\x00'\xff"),
            Argument::Texts(vec![Some("keyed".into()), None]),
            Argument::Ints(vec![]),
        ];
        assert_eq!(
            written_out("SELECT $1::bigint, $2, $3::text[], $4::bigint[], $1", &arguments),
            "SELECT (-7)::bigint, decode('0027ff', 'hex'), ARRAY['keyed', NULL]::text[], \
             ARRAY[]::bigint[], (-7)"
        );
    }

    #[test]
    #[should_panic(expected = "only words of our own")]
    fn what_could_be_more_than_a_word_is_never_written() {
        written_out("SELECT $1", &[Argument::text("x'; DROP TABLE orders; --")]);
    }
}
