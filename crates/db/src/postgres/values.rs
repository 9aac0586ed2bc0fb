//! Values on the wire. PostgreSQL decides the type of each parameter and column; a value fits several.

use std::error::Error as StdError;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::{Error, Row, Value};

/// A parameter.
#[derive(Debug)]
pub(super) struct Param<'v>(pub(super) &'v Value);

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Int(number) if *ty == Type::INT8 => out.put_i64(*number),
            Value::Int(number) if *ty == Type::INT4 => out.put_i32(i32::try_from(*number)?),
            Value::Int(number) if *ty == Type::INT2 => out.put_i16(i16::try_from(*number)?),
            Value::Int(number) if *ty == Type::BOOL => out.put_u8(u8::from(*number != 0)),
            Value::Text(text) if is_text(ty) => out.put_slice(text.as_bytes()),
            Value::Blob(bytes) if *ty == Type::BYTEA => out.put_slice(bytes),
            Value::Int(_) | Value::Text(_) | Value::Blob(_) => {
                return Err(format!("the server takes `{ty}` here, which {:?} is not", self.0).into());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Converts a row that was found.
pub(super) fn row(statement: &'static str, found: &tokio_postgres::Row) -> Result<Row, Error> {
    let mut values = Vec::with_capacity(found.len());
    for (index, column) in found.columns().iter().enumerate() {
        let Column(value) = found.try_get(index).map_err(|_| Error::UnsupportedType {
            statement,
            index,
            type_name: column.type_().to_string(),
        })?;
        values.push(value);
    }
    Ok(Row::new(values))
}

struct Column(Value);

impl<'a> FromSql<'a> for Column {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(ty, raw)?.into()),
            // `SUM` of 64-bit integers.
            Type::NUMERIC => Value::Int(integer_of_numeric(raw).ok_or("not a 64-bit integer")?),
            Type::BYTEA => Value::Blob(raw.to_vec()),
            _ if is_text(ty) => Value::Text(std::str::from_utf8(raw)?.to_owned()),
            _ => return Err("not a type of ours".into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        is_text(ty)
            || [Type::INT8, Type::INT4, Type::INT2, Type::BOOL, Type::NUMERIC, Type::BYTEA, Type::VOID].contains(ty)
    }
}

fn is_text(ty: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN].contains(ty)
}

/// Reads the wire format of `numeric`: count of digits to base 10,000, weight of the first, sign, scale, digits. `None` for
/// fractions, NaN, infinity and what 64 bits do not hold.
fn integer_of_numeric(raw: &[u8]) -> Option<i64> {
    const NEGATIVE: u16 = 0x4000;
    let mut words = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let count = words.next()?;
    let weight = words.next()?.cast_signed();
    let sign = words.next()?;
    let _scale = words.next()?;
    if sign != 0 && sign != NEGATIVE {
        return None;
    }
    let mut number: i128 = 0;
    // A 64-bit integer has five digits to this base.
    for position in 0..=weight.min(8) {
        let digit = if position.cast_unsigned() < count { words.next()? } else { 0 };
        number = number.checked_mul(10_000)?.checked_add(digit.into())?;
    }
    if weight > 8 || words.any(|digit| digit != 0) {
        return None;
    }
    i64::try_from(if sign == NEGATIVE { -number } else { number }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[u16], expected: Option<i64>) {
        let raw: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(integer_of_numeric(&raw), expected, "{words:?}");
    }

    #[test]
    fn numeric_is_read_as_an_integer_or_refused() {
        check(&[], None);
        check(&[1, 0, 0], None);
        check(&[0, 0, 0xC000, 0], None);
        check(&[1, 0xFFFF, 0, 4, 5000], None);
        check(&[5, 4, 0, 0, 922, 3372, 368, 5477, 5808], None);
        check(&[9, 9, 0, 0, 1], None);
        check(&[0, 0, 0, 0], Some(0));
        check(&[1, 0, 0, 0, 42], Some(42));
        check(&[1, 1, 0, 0, 3], Some(30_000));
        check(&[2, 1, 0x4000, 0, 1, 1], Some(-10_001));
        check(&[5, 4, 0, 0, 922, 3372, 368, 5477, 5807], Some(i64::MAX));
        check(&[5, 4, 0x4000, 0, 922, 3372, 368, 5477, 5808], Some(i64::MIN));
    }
}
