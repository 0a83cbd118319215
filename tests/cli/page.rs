//! What must hold of every HTML page: nothing in it runs or loads but its own
//! style sheet and script, which its policy names by hash.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// The contents of the only element of this name.
fn only<'p>(page: &'p str, name: &str) -> &'p str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    assert_eq!(page.matches(&format!("<{name}")).count(), 1, "one {name}");
    let from = page.find(&open).unwrap() + open.len();
    &page[from..from + page[from..].find(&close).unwrap()]
}

/// Checks that the page's policy blocks nothing that it needs, and that nothing in it needs more.
pub(crate) fn sealed(page: &str) {
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    let (style, script) = (hash(only(page, "style")), hash(only(page, "script")));
    let wanted =
        format!("default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'");
    assert_eq!(policy, wanted);
    let tags: Vec<&str> = page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    let body = page.split("</head>").nth(1).unwrap();
    let markup = body.split("<script>").next().unwrap();
    let inline = regex::Regex::new(r"<[^>]*\s(style|on[a-z]+|src|href|srcset|action|background)\s*=").unwrap();
    assert!(!inline.is_match(markup), "{:?}", inline.find(markup));
    for loads in ["img", "link", "iframe", "object", "embed", "form", "base", "audio", "video", "use", "image", "a "] {
        assert!(!tags.iter().any(|tag| tag.starts_with(loads) && !tag.starts_with("article")), "{loads}");
    }
    for unsafe_sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
        assert!(!only(page, "script").contains(unsafe_sink), "{unsafe_sink}");
    }
    assert!(!page.contains("http:") && !page.contains("https:"), "asks nobody");
    let steers = |c: char| c.is_control() && !"\n\t".contains(c) || "\u{202e}\u{202d}\u{2066}\u{200f}".contains(c);
    assert!(!page.contains(steers), "control and direction characters are visible");
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
}
