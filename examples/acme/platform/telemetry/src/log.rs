//! Log lines for people or for machines, each with the ids of its request.

use std::fmt;

use chrono::{SecondsFormat, Utc};
use platform_base::context;
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{DefaultFields, Writer},
    },
    registry::LookupSpan,
};

use crate::config::LogFormat;

pub(super) fn layer<S>(format: LogFormat, service: &'static str) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer();
    match format {
        LogFormat::Pretty => {
            use std::io::IsTerminal;
            layer
                .with_ansi(std::io::stdout().is_terminal())
                .event_format(Pretty)
                .boxed()
        }
        LogFormat::Json => layer.event_format(Json { service }).boxed(),
    }
}

/// `12:03:04.123  INFO consultants::biz: registered id=7 request_id=… trace_id=…`
struct Pretty;

impl<S> FormatEvent<S, DefaultFields> for Pretty
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, DefaultFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = event.metadata().level();
        let (on, dim, off) = if writer.has_ansi_escapes() {
            (colour(level), "\x1b[2m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        write!(writer, "{dim}{}{off} ", Utc::now().format("%H:%M:%S%.3f"))?;
        write!(
            writer,
            "{on}{level:>5}{off} {dim}{}:{off} ",
            event.metadata().target()
        )?;
        context
            .field_format()
            .format_fields(writer.by_ref(), event)?;
        context::with(|ids| {
            let request_id = ids.request_id.to_str().unwrap_or_default();
            write!(
                writer,
                " {dim}request_id={request_id} trace_id={}{off}",
                ids.trace_id
            )
        })
        .unwrap_or(Ok(()))?;
        writeln!(writer)
    }
}

fn colour(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// One JSON object per line; the fields of the event are its members.
struct Json {
    service: &'static str,
}

impl<S> FormatEvent<S, DefaultFields> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, DefaultFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Members(Map::new());
        event.record(&mut line);
        let Members(mut line) = line;
        line.insert(
            "timestamp".into(),
            Utc::now()
                .to_rfc3339_opts(SecondsFormat::Micros, true)
                .into(),
        );
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        line.insert("service".into(), self.service.into());
        context::with(|ids| {
            line.insert(
                "request_id".into(),
                ids.request_id.to_str().unwrap_or_default().into(),
            );
            line.insert("trace_id".into(), ids.trace_id.to_string().into());
        });
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Members(Map<String, Value>);

impl Members {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Members {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}
