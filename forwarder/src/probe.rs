//! `logtap-forwarder probe`: connects to the target and says whether it answers. `logtap tap`
//! runs it in a pod of its own before it changes anything.

use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::config::target;
use crate::delivery::Target;
use crate::http::HttpError;

/// What receivers and Loki answer to where they are ready.
const PATH: &str = "/ready";
/// How long a target that cannot be reached is tried again, and how often: a node learns of a new
/// Service or endpoint within a second or two, more when it is busy.
const PATIENCE: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(500);

/// Connects to the target that the environment names. Any answer will do: what answers is there.
///
/// # Errors
/// If the target cannot be used or does not answer, in one sentence.
pub(crate) async fn probe(var: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let target = target(&var).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let mut answer = LocalSet::new().run_until(ask(&target)).await;
    while answer.is_err() && began.elapsed() < PATIENCE {
        sleep(PAUSE).await;
        answer = LocalSet::new().run_until(ask(&target)).await;
    }
    match answer {
        Ok(status) => Ok(format!("the target {target} answers ({status})")),
        Err(error) => Err(format!("the target {target} cannot be reached: {error}")),
    }
}

async fn ask(target: &Target) -> Result<hyper::StatusCode, HttpError> {
    let server = target.server();
    let mut connection = server.connect().await?;
    let request = Request::get(PATH).header("host", server.authority()).body(Full::new(Bytes::new()));
    let request = request.map_err(|error| HttpError::Io(std::io::Error::other(error)))?;
    Ok(connection.send(request).await?.status())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn run(url: &str) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(probe(|name| (name == "LOGTAP_TARGET").then(|| url.to_owned())))
    }

    #[test]
    fn any_answer_is_good() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::Builder::new().name("target".to_owned()).spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let length = stream.read(&mut head).unwrap();
            stream.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        let server = server.unwrap();
        let said = run(&url).unwrap();
        assert!(said.contains(&url) && said.contains("503"), "{said}");
        assert!(server.join().unwrap().starts_with("GET /ready HTTP/1.1"));
    }

    #[test]
    fn what_comes_a_little_later_is_waited_for() {
        let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = std::thread::Builder::new().name("target".to_owned()).spawn(move || {
            std::thread::sleep(Duration::from_secs(2));
            let (mut stream, _) = TcpListener::bind(place).unwrap().accept().unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        });
        assert!(run(&format!("http://{place}")).unwrap().contains("200"));
        server.unwrap().join().unwrap();
    }

    #[test]
    fn what_cannot_be_reached_is_named() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}");
        let said = run(&url).unwrap_err();
        assert!(said.contains(&url) && said.contains("refused"), "{said}");
        assert!(run("ftp://x").unwrap_err().contains("ftp://x"));
    }
}
