//! Reads the stream over a plain socket, and cuts the connection where it is told to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use logtap_receiver::stream::{CONTENT_TYPE, Frame, Frames, STREAM_PATH};
use serde_json::Value;

/// One connection.
pub(super) struct Puller {
    socket: TcpStream,
    /// Bytes of the chunked body that were not decoded yet.
    raw: Vec<u8>,
    frames: Frames,
    /// The body has ended in order.
    ended: bool,
    /// Bytes after which the connection is cut.
    pub(super) cut_after: Option<usize>,
}

impl Puller {
    /// Connects; an error if the answer is none of frames.
    pub(super) fn open(address: SocketAddr, after: u64) -> Result<Self, String> {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(socket, "GET {STREAM_PATH}?after={after} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        if !head.starts_with("HTTP/1.1 200") || !head.contains(CONTENT_TYPE) {
            return Err(head);
        }
        Ok(Self { socket, raw: Vec::new(), frames: Frames::default(), ended: false, cut_after: None })
    }

    /// The next frame; `None` when the connection has ended.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.take().unwrap() {
                return Some(frame);
            }
            if self.ended || self.cut_after == Some(0) {
                return None;
            }
            let mut buffer = [0; 16 << 10];
            let room = self.cut_after.unwrap_or(usize::MAX).min(buffer.len());
            let count = self.socket.read(&mut buffer[..room]).unwrap();
            if let Some(left) = &mut self.cut_after {
                *left -= count;
            }
            if count == 0 {
                return None;
            }
            self.raw.extend_from_slice(&buffer[..count]);
            self.unchunk();
        }
    }

    fn unchunk(&mut self) {
        while let Some(end) = self.raw.windows(2).position(|pair| pair == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&self.raw[..end]).unwrap(), 16).unwrap();
            let Some(chunk) = self.raw.get(end + 2..end + 2 + size) else { return };
            if self.raw.len() < end + 4 + size {
                return;
            }
            self.frames.add(chunk);
            self.ended |= size == 0;
            self.raw.drain(..end + 4 + size);
        }
    }
}

/// Numbers and texts of a frame's lines.
pub(super) fn texts(frame: &Frame) -> Vec<(u64, String)> {
    let lines = frame.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let text = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap()["msg"].as_str().unwrap().to_owned();
    (frame.first..).zip(lines.map(text)).collect()
}

/// All lines up to number `last`.
pub(super) fn collect(puller: &mut Puller, last: u64) -> Vec<(u64, String)> {
    collect_until(puller, |frame| frame.first + frame.count > last)
}

/// All lines up to a frame, or to the end.
pub(super) fn collect_until(puller: &mut Puller, is_last: impl Fn(&Frame) -> bool) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    while let Some(frame) = puller.next() {
        all.extend(texts(&frame));
        if is_last(&frame) {
            break;
        }
    }
    all
}
