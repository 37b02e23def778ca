//! Sequence numbers as values of columns. All of them are stored as `BIGINT`.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};

use crate::domain::ids::{LedgerSeq, StreamSeq, UserSeq};

macro_rules! column_value {
    ($name:ident, $read:path, $write:path) => {
        impl From<$name> for Value {
            fn from(seq: $name) -> Self {
                $write(seq).into()
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Self, TryGetError> {
                i64::try_get_by(row, column).map($read)
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                <i64 as ValueType>::try_from(value).map($read)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> ArrayType {
                i64::array_type()
            }

            fn column_type() -> ColumnType {
                i64::column_type()
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                i64::null()
            }
        }

        impl TryFromU64 for $name {
            fn try_from_u64(number: u64) -> Result<Self, DbErr> {
                i64::try_from_u64(number).map($read)
            }
        }
    };
}

column_value!(LedgerSeq, LedgerSeq::from, LedgerSeq::get);
column_value!(StreamSeq, read_stream_seq, write_stream_seq);
column_value!(UserSeq, UserSeq::from, UserSeq::get);

fn read_stream_seq(number: i64) -> StreamSeq {
    number.unsigned_abs().into()
}

/// The server counts up to 2^64, which no stream reaches.
fn write_stream_seq(seq: StreamSeq) -> i64 {
    seq.get().try_into().unwrap_or(i64::MAX)
}
