//! A sink that checks what every sink may rely on.

use logtap_push::{Entry, Headers, Labels, Limits, Route, Sink, unwrap};

#[derive(Default)]
struct Check {
    lines: u64,
}

impl Sink for Check {
    fn stream(&mut self, labels: Labels<'_>) {
        std::hint::black_box(labels.parse());
    }
    fn entry(&mut self, entry: Entry<'_>) {
        self.lines += 1;
        assert!(!entry.line.contains('\0'));
        assert!(entry.ts.ns.is_some() || entry.ts.fix.is_some());
        assert!(
            entry
                .meta
                .iter()
                .all(|(name, value)| !name.contains('\0') && !value.contains('\0'))
        );
    }
}

pub fn run(data: &[u8], route: Route, content_type: &str) {
    let headers = Headers {
        content_type: Some(content_type),
        content_encoding: None,
    };
    let limits = Limits {
        decompressed: 1 << 20,
    };
    let Ok(payload) = unwrap(data, route, headers, &limits) else {
        return;
    };
    assert!(payload.len() <= limits.decompressed);
    let mut sink = Check::default();
    match payload.visit(&mut sink) {
        Ok(report) => assert_eq!(report.lines, sink.lines),
        Err(_) => assert_eq!(sink.lines, 0),
    }
}
