//! Who may set a field and who may see it, according to `google.api.field_behavior` (AIP-203) and
//! `platform.v1.visible_to`.

use std::sync::{Arc, Mutex};

use api_mapping::v1::{
    CreateNoteRequest, GetNoteRequest, GetNoteResponse, Label, ListNotesRequest, ListNotesResponse,
    Note, UpdateLabelRequest, UpdateNoteRequest, labels_service,
    labels_service_server::LabelsService, note::Place, notes_service,
    notes_service_client::NotesServiceClient, notes_service_server::NotesService,
};
use api_runtime::{Endpoint, LargestMessage, Routes, Transport, Viewer, wkt::Timestamp};
use axum::{Router, body::Body};
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tonic::{Request, Response, Status, Streaming, async_trait, codec::CompressionEncoding};

/// Stores one note, and records the notes that it received.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Note>>>);

impl Notes {
    fn was_sent(&self) -> Vec<Note> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn take(&self, note: Option<Note>) -> Response<Note> {
        let note = note.unwrap_or_default();
        self.0.lock().unwrap().push(note.clone());
        Response::new(note)
    }
}

fn stored() -> Note {
    let note = |author: &str| Note {
        id: "n1".to_owned(),
        author: author.to_owned(),
        kind: Some("memo".to_owned()),
        draft: Some(format!("secret of {author}")),
        ..Note::default()
    };
    Note {
        replies: vec![note("bob")],
        links: [("first".to_owned(), note("cleo"))].into(),
        place: Some(Place::Under(Box::new(Note {
            place: Some(Place::Drawer("left".to_owned())),
            ..note("ada")
        }))),
        ..note("ada")
    }
}

#[async_trait]
impl NotesService for Notes {
    async fn create_note(&self, r: Request<CreateNoteRequest>) -> Result<Response<Note>, Status> {
        Ok(self.take(r.into_inner().note))
    }

    async fn get_note(
        &self,
        r: Request<GetNoteRequest>,
    ) -> Result<Response<GetNoteResponse>, Status> {
        match r.into_inner().id.as_str() {
            "n1" => Ok(Response::new(GetNoteResponse {
                note: Some(stored()),
            })),
            _ => Err(Status::not_found("no such note")),
        }
    }

    async fn list_notes(
        &self,
        _: Request<ListNotesRequest>,
    ) -> Result<Response<ListNotesResponse>, Status> {
        Ok(Response::new(ListNotesResponse {
            notes: vec![stored()],
        }))
    }

    async fn update_note(&self, r: Request<UpdateNoteRequest>) -> Result<Response<Note>, Status> {
        Ok(self.take(r.into_inner().note))
    }

    type WatchNotesStream = BoxStream<'static, Result<Note, Status>>;

    async fn watch_notes(
        &self,
        _: Request<ListNotesRequest>,
    ) -> Result<Response<Self::WatchNotesStream>, Status> {
        Ok(Response::new(stream::iter([Ok(stored())]).boxed()))
    }

    async fn import_notes(&self, r: Request<Streaming<Note>>) -> Result<Response<Note>, Status> {
        let mut notes = r.into_inner();
        let mut last = Response::new(Note::default());
        while let Some(note) = notes.message().await? {
            last = self.take(Some(note));
        }
        Ok(last)
    }
}

struct Labels;

#[async_trait]
impl LabelsService for Labels {
    async fn update_label(
        &self,
        r: Request<UpdateLabelRequest>,
    ) -> Result<Response<Label>, Status> {
        Ok(Response::new(r.into_inner().label.unwrap_or_default()))
    }
}

/// Puts the viewer into a request, as the layers of a server do. A header names it: `ada`, `ada editor` or `service`.
fn identify(mut request: api_runtime::Request) -> api_runtime::Request {
    let viewer = request.headers().get("x-viewer");
    let viewer = viewer.map(|viewer| viewer.to_str().unwrap().to_owned());
    if let Some(viewer) = viewer {
        let mut names = viewer.split(' ').map(str::to_owned);
        let viewer = match names.next().unwrap_or_default() {
            service if service == "service" => Viewer::Service,
            subject => Viewer::User {
                subject: subject.into(),
                roles: names.collect(),
            },
        };
        request.extensions_mut().insert(viewer);
    }
    request
}

fn serve(notes: &Notes, transport: Transport) -> Endpoint {
    let contracts = [notes_service(notes.clone()), labels_service(Labels)];
    let layer = |_, inner: Endpoint| Endpoint::new(move |request| inner.call(identify(request)));
    let routes = Routes::new(Router::new());
    let routes = match transport {
        Transport::Grpc => routes.grpc(&contracts, layer),
        Transport::Http => routes.rest(&contracts, layer),
    };
    routes.unwrap().endpoint()
}

/// The status and the body of an answer over HTTP; each line of a stream counts as a body.
async fn over_http(notes: &Notes, line: &str, viewer: &str, body: Value) -> (u16, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = http::Request::builder().method(method).uri(path);
    if !viewer.is_empty() {
        request = request.header("x-viewer", viewer);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = serve(notes, Transport::Http).call(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn over_grpc<T>(viewer: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if !viewer.is_empty() {
        let viewer = viewer.parse().unwrap();
        request.metadata_mut().insert("x-viewer", viewer);
    }
    request
}

fn client(notes: &Notes) -> NotesServiceClient<Router> {
    // Unlike an endpoint, a router takes the body of a client.
    let routes = serve(notes, Transport::Grpc);
    NotesServiceClient::new(Router::new().fallback_service(routes))
}

#[tokio::test]
async fn what_only_the_server_sets_is_ignored_in_a_request() {
    let notes = Notes::default();
    let made_up = Note {
        id: "mine".to_owned(),
        created_at: Some(Timestamp::default()),
        text: Some("hello".to_owned()),
        replies: vec![Note {
            created_at: Some(Timestamp::default()),
            ..Note::default()
        }],
        ..Note::default()
    };
    let ignored = |id: &str| Note {
        id: id.to_owned(),
        text: Some("hello".to_owned()),
        replies: vec![Note::default()],
        ..Note::default()
    };

    let body = serde_json::to_value(&made_up).unwrap();
    let (status, _) = over_http(&notes, "POST /v1/notes", "", body).await;
    assert_eq!(status, 200);
    assert_eq!(notes.was_sent(), [ignored("")], "over HTTP");

    let request = CreateNoteRequest {
        note: Some(made_up.clone()),
    };
    client(&notes).create_note(request).await.unwrap();
    assert_eq!(notes.was_sent(), [ignored("")], "over gRPC");

    let requests = stream::iter([made_up.clone(), made_up]);
    client(&notes).import_notes(requests).await.unwrap();
    // Only the service knows which resource a message of a stream is about, so its id is kept.
    assert_eq!(
        notes.was_sent(),
        [ignored("mine"), ignored("mine")],
        "in a stream"
    );
}

#[tokio::test]
async fn a_request_may_be_compressed_and_may_not_become_too_large() {
    let notes = Notes::default();
    let sent = |text: String| CreateNoteRequest {
        note: Some(Note {
            text: Some(text),
            ..Note::default()
        }),
    };
    let mut client = client(&notes).send_compressed(CompressionEncoding::Gzip);
    client.create_note(sent("short".to_owned())).await.unwrap();
    assert_eq!(notes.was_sent(), [sent("short".to_owned()).note.unwrap()]);

    let mut request = Request::new(sent("a".repeat(100_000)));
    request.extensions_mut().insert(LargestMessage(50_000));
    let refusal = client.create_note(request).await.unwrap_err();
    assert_eq!(refusal.code(), tonic::Code::ResourceExhausted, "{refusal}");
    assert_eq!(notes.was_sent(), []);
}

#[tokio::test]
async fn each_request_of_a_stream_is_checked() {
    let notes = Notes::default();
    let note = |text: &str| Note {
        text: Some(text.to_owned()),
        ..Note::default()
    };
    let requests = stream::iter([note("short"), note("longer than twenty characters")]);
    let refusal = client(&notes).import_notes(requests).await.unwrap_err();

    assert_eq!(refusal.code(), tonic::Code::InvalidArgument);
    assert_eq!(refusal.message(), "text: must have at most 20 characters");
    assert_eq!(notes.was_sent(), [note("short")]);
}

#[tokio::test]
async fn an_immutable_field_may_be_sent_as_it_is_stored_and_not_be_changed() {
    let notes = Notes::default();
    for (query, body, accepted) in [
        ("", json!({"kind": "memo", "text": "x"}), true),
        ("", json!({"text": "x"}), true),
        ("", json!({"kind": "letter"}), false),
        ("?updateMask=kind", json!({"kind": "memo"}), true),
        ("?updateMask=kind,text", json!({"kind": "letter"}), false),
        ("?updateMask=kind", json!({}), false),
        ("?updateMask=*", json!({"text": "x"}), true),
        ("?updateMask=*", json!({"kind": "letter"}), false),
        ("?updateMask=text", json!({"kind": "letter"}), true),
        ("?updateMask=id,text", json!({"text": "x"}), true),
    ] {
        let line = format!("PATCH /v1/notes/n1{query}");
        let (status, answer) = over_http(&notes, &line, "", body.clone()).await;
        if accepted {
            assert_eq!(status, 200, "{query} {body}: {answer}");
            assert_eq!(notes.was_sent().len(), 1);
        } else {
            let violation = &answer["details"][0]["fieldViolations"][0];
            assert_eq!(status, 400, "{query} {body}: {answer}");
            assert_eq!(violation["field"], "note.kind");
            assert_eq!(violation["reason"], "IMMUTABLE");
            assert_eq!(notes.was_sent().len(), 0);
        }
    }

    let note = Note {
        id: "n1".to_owned(),
        kind: Some("letter".to_owned()),
        ..Note::default()
    };
    let request = UpdateNoteRequest {
        note: Some(note),
        update_mask: None,
    };
    let refusal = client(&notes).update_note(request).await.unwrap_err();
    assert_eq!(refusal.message(), "note.kind: cannot be changed");
}

#[tokio::test]
async fn an_immutable_field_that_no_method_reads_may_not_be_sent_in_an_update() {
    let notes = Notes::default();
    for (body, expected) in [(json!({"text": "x"}), 200), (json!({"color": "red"}), 400)] {
        let (status, answer) = over_http(&notes, "PATCH /v1/labels/a", "", body).await;
        assert_eq!(status, expected, "{answer}");
    }
}

/// The fields that a viewer sees of the stored note: its draft, the drafts of the reply, of the link and of the
/// enclosing note, and its drawer.
fn found(note: &Note) -> [bool; 5] {
    let Some(Place::Under(under)) = &note.place else {
        panic!("the note lies under another: {note:?}");
    };
    [
        note.draft.is_some(),
        note.replies[0].draft.is_some(),
        note.links["first"].draft.is_some(),
        under.draft.is_some(),
        under.place.is_some(),
    ]
}

#[tokio::test]
async fn a_restricted_field_is_seen_by_its_owner_by_a_role_and_by_a_service_only() {
    let notes = Notes::default();
    for (viewer, expected) in [
        ("", [false, false, false, false, false]),
        ("dora", [false, false, false, false, false]),
        ("dora clerk", [false, false, false, false, false]),
        ("ada", [true, false, false, true, false]),
        ("bob", [false, true, false, false, false]),
        ("dora editor", [true, true, true, true, true]),
        ("service", [true, true, true, true, true]),
    ] {
        let id = "n1".to_owned();
        let mut client = client(&notes);
        let one = client.get_note(over_grpc(viewer, GetNoteRequest { id }));
        let one = one.await.unwrap().into_inner().note.unwrap();
        assert_eq!(found(&one), expected, "get, {viewer:?}");
        let list = client.list_notes(over_grpc(viewer, ListNotesRequest {}));
        let list = list.await.unwrap().into_inner().notes;
        assert_eq!(found(&list[0]), expected, "list, {viewer:?}");
        let watch = client.watch_notes(over_grpc(viewer, ListNotesRequest {}));
        let mut watch = watch.await.unwrap().into_inner();
        let watched = watch.message().await.unwrap().unwrap();
        assert_eq!(found(&watched), expected, "stream, {viewer:?}");

        for (line, place) in [
            ("GET /v1/notes/n1", ""),
            ("GET /v1/notes", "/notes/0"),
            ("GET /v1/notes:watch", ""),
        ] {
            let (_, answer) = over_http(&notes, line, viewer, json!(null)).await;
            let note = answer.pointer(place).unwrap();
            let expected = match expected[0] {
                true => json!("secret of ada"),
                false => json!(null),
            };
            assert_eq!(note["draft"], expected, "{line}, {viewer:?}");
            let note: Note = serde_json::from_value(note.clone()).unwrap();
            assert_eq!(found(&note)[0], expected != json!(null));
        }
    }
}
