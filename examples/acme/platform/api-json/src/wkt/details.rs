//! The messages of `google/rpc/error_details.proto` in JSON.

use prost::Message;
use serde_json::{Value, json};
use tonic_types::pb;

use super::duration::Duration;

/// Turns the bytes of a message into JSON.
pub(super) type ToJson = fn(&[u8]) -> Result<Value, String>;

/// Writes an error detail in an `Any`. Clients never send one, so it cannot be read.
pub(super) fn to_json(name: &str) -> Option<ToJson> {
    Some(match name.strip_prefix("google.rpc.")? {
        "ErrorInfo" => |bytes| read(bytes, error_info),
        "RetryInfo" => |bytes| read(bytes, retry_info),
        "DebugInfo" => |bytes| read(bytes, debug_info),
        "QuotaFailure" => |bytes| read(bytes, quota_failure),
        "PreconditionFailure" => |bytes| read(bytes, precondition_failure),
        "BadRequest" => |bytes| read(bytes, bad_request),
        "RequestInfo" => |bytes| read(bytes, request_info),
        "ResourceInfo" => |bytes| read(bytes, resource_info),
        "Help" => |bytes| read(bytes, help),
        "LocalizedMessage" => |bytes| read(bytes, localized_message),
        _ => return None,
    })
}

fn read<M: Message + Default>(bytes: &[u8], to_json: fn(M) -> Value) -> Result<Value, String> {
    M::decode(bytes)
        .map(to_json)
        .map_err(|error| error.to_string())
}

fn list<T>(items: Vec<T>, to_json: fn(T) -> Value) -> Vec<Value> {
    items.into_iter().map(to_json).collect()
}

fn error_info(m: pb::ErrorInfo) -> Value {
    json!({"reason": m.reason, "domain": m.domain, "metadata": m.metadata})
}

fn retry_info(m: pb::RetryInfo) -> Value {
    let delay = m.retry_delay.map(|delay| Duration {
        seconds: delay.seconds,
        nanos: delay.nanos,
    });
    json!({"retryDelay": delay})
}

fn debug_info(m: pb::DebugInfo) -> Value {
    json!({"stackEntries": m.stack_entries, "detail": m.detail})
}

fn quota_failure(m: pb::QuotaFailure) -> Value {
    let violation = |m: pb::quota_failure::Violation| {
        json!({
            "subject": m.subject,
            "description": m.description,
            "apiService": m.api_service,
            "quotaMetric": m.quota_metric,
            "quotaId": m.quota_id,
            "quotaDimensions": m.quota_dimensions,
            "quotaValue": m.quota_value.to_string(),
            "futureQuotaValue": m.future_quota_value.map(|value| value.to_string()),
        })
    };
    json!({"violations": list(m.violations, violation)})
}

fn precondition_failure(m: pb::PreconditionFailure) -> Value {
    let violation = |m: pb::precondition_failure::Violation| json!({"type": m.r#type, "subject": m.subject, "description": m.description});
    json!({"violations": list(m.violations, violation)})
}

fn bad_request(m: pb::BadRequest) -> Value {
    let violation = |m: pb::bad_request::FieldViolation| {
        let mut violation =
            json!({"field": m.field, "description": m.description, "reason": m.reason});
        if let Some(message) = m.localized_message {
            violation["localizedMessage"] = localized_message(message);
        }
        violation
    };
    json!({"fieldViolations": list(m.field_violations, violation)})
}

fn request_info(m: pb::RequestInfo) -> Value {
    json!({"requestId": m.request_id, "servingData": m.serving_data})
}

fn resource_info(m: pb::ResourceInfo) -> Value {
    json!({
        "resourceType": m.resource_type,
        "resourceName": m.resource_name,
        "owner": m.owner,
        "description": m.description,
    })
}

fn help(m: pb::Help) -> Value {
    let link = |m: pb::help::Link| json!({"description": m.description, "url": m.url});
    json!({"links": list(m.links, link)})
}

fn localized_message(m: pb::LocalizedMessage) -> Value {
    json!({"locale": m.locale, "message": m.message})
}
