//! A fake API server for the whole program: objects with versions, lists, watches and patches, over
//! plain HTTP. It checks nothing and knows no admission; a real one is asked by the cluster's tests.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

const RESOURCES: [&str; 5] = ["namespaces", "secrets", "mutatingwebhookconfigurations", "rolebindings", "pods"];

/// Resource, namespace and name.
type Key = (String, String, String);

/// A fake API server.
#[derive(Clone)]
pub(crate) struct FakeApiServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<(String, Value)>,
}

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Value>,
    /// What somebody else writes just before the next write of a resource.
    others: Vec<(Key, Value)>,
}

impl FakeApiServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Self { address, state: Arc::default(), events: broadcast::channel(4096).0 };
        let server = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                let service = service_fn(move |request| {
                    let server = server.clone();
                    async move { Ok::<_, Infallible>(server.answer(request).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        fake
    }

    /// A file for `KUBECONFIG`.
    pub(crate) fn kubeconfig(&self, path: &Path) {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{ "name": "fake", "cluster": { "server": format!("http://{}", self.address) } }],
            "contexts": [{ "name": "fake", "context": { "cluster": "fake", "user": "fake" } }],
            "users": [{ "name": "fake", "user": {} }],
        });
        std::fs::write(path, config.to_string()).unwrap();
    }

    pub(crate) fn put(&self, resource: &str, namespace: &str, name: &str, mut object: Value) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        object["metadata"]["name"] = name.into();
        object["metadata"]["resourceVersion"] = state.version.to_string().into();
        object["metadata"]["uid"] = format!("uid-{}", state.version).into();
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        let kind = if state.objects.insert(key, object.clone()).is_some() { "MODIFIED" } else { "ADDED" };
        let _heard = self.events.send((resource.to_owned(), json!({ "type": kind, "object": object })));
    }

    pub(crate) fn remove(&self, resource: &str, namespace: &str, name: &str) {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        let gone = self.state.lock().unwrap().objects.remove(&key);
        let event = gone.map(|object| (resource.to_owned(), json!({ "type": "DELETED", "object": object })));
        let _heard = event.map(|event| self.events.send(event));
    }

    pub(crate) fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        self.state.lock().unwrap().objects.get(&key).cloned()
    }

    /// Somebody else writes this object once, just before the next write of an object of its resource:
    /// after it was read, and before what was decided by that is written.
    pub(crate) fn be_first(&self, resource: &str, namespace: &str, name: &str, object: Value) {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        self.state.lock().unwrap().others.push((key, object));
    }

    fn let_others_write(&self, resource: &str) {
        let others: Vec<(Key, Value)> =
            self.state.lock().unwrap().others.extract_if(.., |(key, _)| key.0 == resource).collect();
        for ((resource, namespace, name), object) in others {
            self.put(&resource, &namespace, &name, object);
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<BoxBody<Bytes, Infallible>> {
        let (head, body) = request.into_parts();
        let body: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap_or_default();
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        if path == "/version" {
            return whole(StatusCode::OK, &version());
        }
        let parts: Vec<&str> = path.split('/').collect();
        let at = parts.iter().rposition(|part| RESOURCES.contains(part)).expect("a known resource");
        let (resource, name) = (parts[at], parts.get(at + 1).copied());
        let namespace = if parts[at - 2] == "namespaces" { parts[at - 1] } else { "" };
        if head.method != Method::GET {
            self.let_others_write(resource);
        }
        match (&head.method, name) {
            (&Method::GET, None) if query.contains("watch=true") => self.watch(resource, query),
            (&Method::GET, None) => self.list(resource, namespace, query),
            (&Method::GET, Some(name)) => found(self.get(resource, namespace, name)),
            (&Method::POST, None) => {
                let name = body["metadata"]["name"].as_str().unwrap().to_owned();
                if self.get(resource, namespace, &name).is_some() {
                    return status(StatusCode::CONFLICT);
                }
                self.put(resource, namespace, &name, body);
                found(self.get(resource, namespace, &name))
            }
            (&Method::PATCH, Some(name)) => {
                let Some(mut object) = self.get(resource, namespace, name) else {
                    return status(StatusCode::NOT_FOUND);
                };
                if body["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"] {
                    return status(StatusCode::CONFLICT);
                }
                let strategic = head.headers["content-type"] == "application/strategic-merge-patch+json";
                merge(&mut object, &body, strategic);
                self.put(resource, namespace, name, object);
                found(self.get(resource, namespace, name))
            }
            (&Method::DELETE, Some(name)) => {
                self.remove(resource, namespace, name);
                whole(StatusCode::OK, &json!({ "apiVersion": "v1", "kind": "Status", "status": "Success" }))
            }
            _ => status(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn list(&self, resource: &str, namespace: &str, query: &str) -> Response<BoxBody<Bytes, Infallible>> {
        let state = self.state.lock().unwrap();
        let chosen =
            |key: &Key| key.0 == resource && (namespace.is_empty() || key.1 == namespace) && selected(query, &key.2);
        let items: Vec<&Value> =
            state.objects.iter().filter(|(key, _)| chosen(key)).map(|(_, object)| object).collect();
        let version = state.version.to_string();
        let kind = "PartialObjectMetadataList";
        let list = json!({ "apiVersion": "meta.k8s.io/v1", "kind": kind, "metadata": { "resourceVersion": version }, "items": items });
        whole(StatusCode::OK, &list)
    }

    fn watch(&self, resource: &str, query: &str) -> Response<BoxBody<Bytes, Infallible>> {
        let (resource, query) = (resource.to_owned(), query.to_owned());
        let events = futures_util::stream::unfold(self.events.subscribe(), |mut events| async {
            events.recv().await.ok().map(|event| (event, events))
        });
        let lines = events.filter_map(move |(about, event)| {
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
            let line = (about == resource && selected(&query, name)).then(|| Bytes::from(format!("{event}\n")));
            std::future::ready(line.map(|line| Ok(Frame::data(line))))
        });
        Response::new(BodyExt::boxed(StreamBody::new(SyncStream(Mutex::new(Box::pin(lines))))))
    }
}

/// Makes a stream that is polled by one task only shareable, as bodies must be.
struct SyncStream<S>(Mutex<S>);

impl<S: futures_util::Stream + Unpin> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.lock().unwrap().poll_next_unpin(context)
    }
}

fn selected(query: &str, name: &str) -> bool {
    let wanted = query.split("fieldSelector=metadata.name%3D").nth(1).and_then(|rest| rest.split('&').next());
    wanted.is_none_or(|wanted| wanted == name)
}

/// A merge patch; a strategic one also merges lists of named objects by name.
fn merge(object: &mut Value, patch: &Value, strategic: bool) {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    object.remove(key);
                } else {
                    merge(object.entry(key).or_insert(Value::Null), value, strategic);
                }
            }
        }
        (Value::Array(object), Value::Array(patch)) if strategic => {
            for one in patch {
                let same = object.iter_mut().find(|other| other["name"] == one["name"]);
                merge(same.expect("an entry of that name"), one, strategic);
            }
        }
        (object, patch) => {
            *object = match patch {
                Value::Object(_) => json!({}),
                other => other.clone(),
            };
            if patch.is_object() {
                merge(object, patch, strategic);
            }
        }
    }
}

fn found(object: Option<Value>) -> Response<BoxBody<Bytes, Infallible>> {
    object.map_or_else(|| status(StatusCode::NOT_FOUND), |object| whole(StatusCode::OK, &object))
}

fn status(code: StatusCode) -> Response<BoxBody<Bytes, Infallible>> {
    let reason = code.canonical_reason().unwrap();
    let body = json!({ "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": reason,
        "reason": reason.replace(' ', ""), "code": code.as_u16() });
    whole(code, &body)
}

fn whole(code: StatusCode, body: &Value) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::from(body.to_string()).boxed());
    *response.status_mut() = code;
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}

fn version() -> Value {
    let names = ["gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
    let mut version: serde_json::Map<String, Value> =
        names.map(|name| (name.to_owned(), json!("fake"))).into_iter().collect();
    version.insert("major".to_owned(), json!("1"));
    version.insert("minor".to_owned(), json!("36+"));
    version.into()
}
