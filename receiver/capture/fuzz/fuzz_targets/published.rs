//! Lock files with any content: what a receiver publishes is read by views, and adds up whatever it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logtap_capture::published::Published;
use logtap_capture::summary::Timeline;

fuzz_target!(|bytes: &[u8]| {
    let mut summed = Timeline::default();
    for frame in Published::of(bytes.to_owned()).frames() {
        summed.merge(&frame.timeline);
    }
    // Each line with the checksum that it should have.
    let mut file = b"1234\n".to_vec();
    for line in bytes.split(|byte| *byte == b'\n') {
        file.extend_from_slice(format!("{:08x} ", crc32fast::hash(line)).as_bytes());
        file.extend_from_slice(line);
        file.push(b'\n');
    }
    for frame in Published::of(file).frames() {
        summed.merge(&frame.timeline);
        assert!(frame.page.bytes().is_some());
    }
    assert!(summed.iter().count() <= logtap_capture::summary::MAX_CELLS);
});
