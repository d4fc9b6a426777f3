//! The program under test of protobuf's conformance runner: reads requests from standard input, each after its length in
//! four bytes, and answers each on standard output in the same form.

use std::{
    error::Error,
    io::{self, Read, Write},
};

use api_runtime::wkt::{self, AnyType};
use prost::{Message, Oneof};

api_runtime::contract!("v1");

const MESSAGE: &str = "protobuf_test_messages.proto3.TestAllTypesProto3";
/// `conformance.WireFormat`
const PROTOBUF: i32 = 1;
const JSON: i32 = 2;
/// `conformance.TestCategory`: unknown names are to be ignored. We always refuse them.
const IGNORE_UNKNOWN: i32 = 3;

/// `conformance.ConformanceRequest`
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(oneof = "Payload", tags = "1, 2, 7, 8")]
    payload: Option<Payload>,
    #[prost(int32, tag = "3")]
    requested_output_format: i32,
    #[prost(string, tag = "4")]
    message_type: String,
    #[prost(int32, tag = "5")]
    test_category: i32,
}

#[derive(Clone, PartialEq, Oneof)]
enum Payload {
    #[prost(bytes = "vec", tag = "1")]
    Protobuf(Vec<u8>),
    #[prost(string, tag = "2")]
    Json(String),
    #[prost(string, tag = "7")]
    Jspb(String),
    #[prost(string, tag = "8")]
    Text(String),
}

/// `conformance.ConformanceResponse`
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(oneof = "Outcome", tags = "1, 3, 4, 5, 6")]
    outcome: Option<Outcome>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Outcome {
    #[prost(string, tag = "1")]
    ParseError(String),
    #[prost(bytes = "vec", tag = "3")]
    Protobuf(Vec<u8>),
    #[prost(string, tag = "4")]
    Json(String),
    #[prost(string, tag = "5")]
    Skipped(String),
    #[prost(string, tag = "6")]
    SerializeError(String),
}

fn main() -> Result<(), Box<dyn Error>> {
    wkt::register(&[(MESSAGE, AnyType::of::<v1::TestAllTypesProto3>())]);
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut frame)?;
        let outcome = Some(answer(Request::decode(frame.as_slice())?));
        let frame = Response { outcome }.encode_to_vec();
        out.write_all(&u32::try_from(frame.len())?.to_le_bytes())?;
        out.write_all(&frame)?;
        out.flush()?;
    }
    Ok(())
}

fn answer(request: Request) -> Outcome {
    // The runner asks first which tests failed before.
    if request.message_type == "conformance.FailureSet" {
        return Outcome::Protobuf(Vec::new());
    }
    if request.message_type != MESSAGE {
        return Outcome::Skipped("contracts are written in proto3".to_owned());
    }
    if request.test_category == IGNORE_UNKNOWN {
        return Outcome::Skipped("unknown names are refused".to_owned());
    }
    let read = match request.payload {
        Some(Payload::Protobuf(bytes)) => {
            v1::TestAllTypesProto3::decode(bytes.as_slice()).map_err(|error| error.to_string())
        }
        Some(Payload::Json(text)) => serde_json::from_str(&text).map_err(|error| error.to_string()),
        _ => return Outcome::Skipped("neither protobuf nor JSON".to_owned()),
    };
    let message = match read {
        Ok(message) => message,
        Err(error) => return Outcome::ParseError(error),
    };
    match request.requested_output_format {
        PROTOBUF => Outcome::Protobuf(message.encode_to_vec()),
        JSON => match serde_json::to_string(&message) {
            Ok(text) => Outcome::Json(text),
            Err(error) => Outcome::SerializeError(error.to_string()),
        },
        _ => Outcome::Skipped("neither protobuf nor JSON".to_owned()),
    }
}
