use serde_json::{Value as Json, from_value, json, to_value};

use super::*;
use crate::json::Kind;

/// Reads JSON and writes it again.
fn turned<T: serde::de::DeserializeOwned + serde::Serialize>(json: Json) -> Result<Json, String> {
    let value: T = from_value(json).map_err(|error| error.to_string())?;
    to_value(value).map_err(|error| error.to_string())
}

#[test]
fn a_timestamp_is_rfc_3339_in_utc_with_the_digits_it_needs() {
    for (text, written) in [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        (
            "2026-01-31T12:00:00.000001+02:00",
            "2026-01-31T10:00:00.000001Z",
        ),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
    ] {
        assert_eq!(turned::<Timestamp>(json!(text)), Ok(json!(written)));
    }
    for text in [
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-31T12:00:00z",
        "2026-01-31T12:00:00.1234567891Z",
        "",
    ] {
        assert!(turned::<Timestamp>(json!(text)).is_err(), "{text}");
    }
    assert!(
        to_value(Timestamp {
            seconds: i64::MAX,
            nanos: 0
        })
        .is_err(),
        "has no form in JSON"
    );
}

#[test]
fn a_duration_is_seconds() {
    for (text, written) in [
        ("1.5s", "1.500s"),
        ("-0.000001s", "-0.000001s"),
        ("3s", "3s"),
    ] {
        assert_eq!(turned::<Duration>(json!(text)), Ok(json!(written)));
    }
    for text in [
        "1",
        "s",
        "1.s",
        ".5s",
        "1e3s",
        "--1s",
        "9999999999999s",
        "1.0000000001s",
    ] {
        assert!(turned::<Duration>(json!(text)).is_err(), "{text}");
    }
}

#[test]
fn a_field_mask_is_camel_case_outside_and_snake_case_inside() {
    let mask: FieldMask = from_value(json!("name,address.zipCode")).unwrap();

    assert_eq!(mask.paths, ["name", "address.zip_code"]);
    assert_eq!(to_value(mask).unwrap(), json!("name,address.zipCode"));
    for path in ["fooBar", "foo_3_bar", "foo__bar"] {
        let mask = FieldMask {
            paths: vec![path.to_owned()],
        };
        assert!(to_value(mask).is_err(), "{path} would come back as another");
    }
    assert!(from_value::<FieldMask>(json!("foo,bar_bar")).is_err());
    assert_eq!(
        FieldMask::parse("foo,bar_bar").unwrap().paths,
        ["foo", "bar_bar"]
    );
}

#[test]
fn an_any_is_its_message_with_its_type() {
    let duration = json!({"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"});

    assert_eq!(turned::<Any>(duration.clone()), Ok(duration));
    assert!(
        turned::<Any>(json!({"@type": "a/b.C"}))
            .unwrap_err()
            .contains("unknown type")
    );
    assert!(
        turned::<Any>(json!({"value": 1}))
            .unwrap_err()
            .contains("@type is missing")
    );
}

#[test]
fn an_any_holds_every_message_that_has_a_form_in_json() {
    for any in [
        json!({"@type": "type.googleapis.com/google.protobuf.Empty"}),
        json!({"@type": "type.googleapis.com/google.type.Decimal", "value": "1.5"}),
        json!({"@type": "type.googleapis.com/google.rpc.Status", "code": 5, "message": "", "details": []}),
    ] {
        assert_eq!(turned::<Any>(any.clone()), Ok(any));
    }
}

#[test]
fn an_any_within_an_any_has_an_end() {
    let mut any = Any::default();
    for _ in 0..100_000 {
        any = Any {
            type_url: "x/google.protobuf.Any".to_owned(),
            value: prost::Message::encode_to_vec(&any),
        };
        if any.value.len() > 1 << 16 {
            break;
        }
    }

    assert!(to_value(any).is_err());
}

#[test]
fn a_struct_gives_back_what_it_was_given() {
    let object = json!({"a": [1, 2.5, null, true, {"b": "c"}], "big": 1e300});

    assert_eq!(turned::<Struct>(object.clone()), Ok(object));
}

#[test]
fn a_name_is_once_in_a_struct() {
    for text in [r#"{"a": 1, "a": 2}"#, r#"{"b": [{"a": 1, "a": 1}]}"#] {
        let error = serde_json::from_str::<Struct>(text).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }
}

#[test]
fn a_date_is_a_day_of_the_calendar() {
    for (date, right) in [
        ((2024, 2, 29), true),
        ((2023, 2, 29), false),
        ((2024, 0, 1), false),
        ((0, 1, 1), false),
    ] {
        let date = Date {
            year: date.0,
            month: date.1,
            day: date.2,
        };
        assert_eq!(chrono::NaiveDate::try_from(date).is_ok(), right, "{date:?}");
    }
}

#[test]
fn a_decimal_has_twelve_digits_and_six() {
    let number = |text: &str| {
        rust_decimal::Decimal::try_from(Decimal {
            value: text.to_owned(),
        })
    };
    for (text, written) in [
        ("12.50", "12.5"),
        ("-0.000001", "-0.000001"),
        ("1e3", "1000"),
        ("999999999999.999999", "999999999999.999999"),
    ] {
        assert_eq!(number(text).unwrap().to_string(), written);
    }
    for text in [
        "",
        "x",
        "1_0",
        "NaN",
        "1e13",
        "0.0000001",
        "1000000000000",
        "1e99999999",
        " 1",
    ] {
        assert!(number(text).is_err(), "{text}");
    }
}

#[test]
fn whole_numbers_are_taken_in_every_form_they_are_written_in() {
    assert_eq!(
        turned::<Int64Value>(json!("9007199254740993")),
        Ok(json!("9007199254740993"))
    );
    assert_eq!(turned::<Int64Value>(json!(1.0)), Ok(json!("1")));
    assert_eq!(turned::<Int32Value>(json!("1e2")), Ok(json!(100)));
    assert_eq!(
        turned::<UInt64Value>(json!(1e19)),
        Ok(json!("10000000000000000000"))
    );
    for wrong in [
        json!(1.5),
        json!("9223372036854775808"),
        json!(true),
        json!(""),
        json!(" 1"),
        json!(1e30),
    ] {
        assert!(turned::<Int64Value>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn bytes_are_taken_in_both_alphabets() {
    for text in ["_-8=", "_-8", "/+8=", "/+8"] {
        assert_eq!(turned::<BytesValue>(json!(text)), Ok(json!("/+8=")));
    }
    for wrong in ["!", "AA=", "A"] {
        assert!(turned::<BytesValue>(json!(wrong)).is_err(), "{wrong}");
    }
}

/// The texts of a number that all stand for its very bits.
fn texts(number: f64) -> [String; 3] {
    [
        format!("{number:?}"),
        format!("{number:.16e}"),
        format!("{number}"),
    ]
}

#[test]
fn a_number_is_read_and_written_bit_by_bit() {
    let numbers = std::iter::repeat_with(|| f64::from_bits(rand::random()));
    let numbers = numbers.filter(|number| number.is_finite()).take(10_000);
    for number in numbers.chain([901259.0097939931, -0.0, 5e-324, f64::MAX]) {
        let written = serde_json::to_string(&DoubleValue::from(number)).unwrap();
        for text in texts(number).into_iter().chain([written]) {
            let read = |text: &str| serde_json::from_str::<DoubleValue>(text).unwrap().value;
            assert_eq!(read(&text).to_bits(), number.to_bits(), "{text}");
            assert_eq!(read(&format!("\"{text}\"")).to_bits(), number.to_bits());
            let any: super::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(any.kind, Some(value::Kind::NumberValue(number)), "{text}");
            let parameter = DoubleValue::parse(&text).unwrap().value;
            assert_eq!(parameter.to_bits(), number.to_bits(), "{text}");
        }
    }
    let numbers = std::iter::repeat_with(|| f32::from_bits(rand::random()));
    for number in numbers.filter(|number| number.is_finite()).take(10_000) {
        let written = serde_json::to_string(&FloatValue::from(number)).unwrap();
        let read: FloatValue = serde_json::from_str(&written).unwrap();
        assert_eq!(read.value.to_bits(), number.to_bits(), "{written}");
    }
}

#[test]
fn a_value_that_is_no_finite_number_has_no_form_in_json() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let value = super::Value::from(value::Kind::NumberValue(number));
        assert!(to_value(value).is_err(), "{number}");
    }
}

#[test]
fn bytes_are_read_in_both_alphabets_of_base64() {
    for (text, bytes) in [
        ("-_", &[0xfb][..]),
        ("+/==", &[0xfb]),
        ("-_-_", &[0xfb, 0xff, 0xbf]),
        ("YQ", b"a"),
        ("", b""),
    ] {
        let read: BytesValue = from_value(json!(text)).unwrap();
        assert_eq!(read.value, bytes, "{text}");
    }
    for text in ["YQ=", "-/", "Y", "Y Q"] {
        assert!(from_value::<BytesValue>(json!(text)).is_err(), "{text}");
    }
}
