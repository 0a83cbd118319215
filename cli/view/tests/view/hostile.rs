//! Lines that mean harm, screens of every size: no panic, and nothing reaches
//! the terminal but text and a few known sequences.

use logtap_testkit::generate::Rng;
use logtap_view::draw::theme::{Depth, Theme};
use logtap_view::run::Painter;
use logtap_view::state::Options;

use crate::world::{Driver, START, write};

const PIECES: [&str; 24] = [
    "\x1b[31m",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x1bP1$r\x1b\\",
    "\u{9b}6n",
    "\r",
    "\n",
    "\t",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "日本語",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}",
    "👩\u{200d}🚀",
    "مرحبا",
    "\0",
    "\x7f",
    "plain words ",
    "{\"a\":{\"b\":[1,2]}}",
    "k=v k2=\"v w\" ",
    "\u{1160}",
    "\x1b[38;2;1;2;3m",
    "level=error ",
    "\u{e0041}",
];

/// True if bytes are text and the sequences that a frame is made of.
fn allowed(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character != '\x1b' {
            let harmful = character.is_control()
                || matches!(u32::from(character), 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2069 | 0xFEFF | 0xE0000..=0xE0FFF);
            if harmful {
                return Err(format!("{character:?}"));
            }
            rest = &rest[character.len_utf8()..];
            continue;
        }
        let body = rest.strip_prefix("\x1b[").ok_or_else(|| format!("{:?}", rest.get(..8)))?;
        let end = body.find(|c: char| !(c.is_ascii_digit() || ";:?".contains(c))).ok_or("unfinished")?;
        let known = matches!((&body[..end], &body[end..=end]), (_, "H" | "m") | ("2", "J") | ("?2026", "h" | "l"));
        if !known {
            return Err(format!("{:?}", &body[..=end]));
        }
        rest = &body[end + 1..];
    }
    Ok(())
}

#[test]
fn hostile_lines_on_screens_of_every_size() {
    let mut rng = Rng::new(1);
    let total: u64 = std::env::var("LOGTAP_HOSTILE").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let lines: Vec<_> = (0..total.min(20_000))
        .map(|n| {
            let count = rng.below(12);
            let text: String = (0..count).map(|_| PIECES[rng.below(PIECES.len() as u64) as usize]).collect();
            (START + n as i64 * 1_000_000, n as usize, text)
        })
        .collect();
    write(&dir, lines.into_iter(), 1 << 20);
    let keys = [
        "d",
        "W",
        "<Enter>",
        "<Right>",
        "/k<Enter>",
        "<Esc>",
        "|",
        "i",
        "G",
        "50%",
        "?",
        "T",
        "z",
        "Z",
        "U",
        "e",
        "<Enter>+",
        ":x",
    ];
    let (mut lines, mut frames) = (0, 0);
    let mut view = Driver::open(&dir, Options::default(), (80, 24));
    let mut painters =
        [Depth::Mono, Depth::Sixteen, Depth::Many, Depth::True].map(|depth| Painter::new(Theme { depth }));
    while lines < total {
        view.state.resized(10 + rng.below(291) as u16, 3 + rng.below(98) as u16);
        view.keys(keys[rng.below(keys.len() as u64) as usize]);
        let share = rng.below(100);
        view.keys(&format!("<Esc><Esc>{}%", share + 1));
        let painter = &mut painters[rng.below(4) as usize];
        let bytes = painter.frame(&view.state).unwrap();
        if let Err(found) = allowed(&bytes) {
            panic!("{found} reaches the terminal at {:?}:\n{}", view.state.size, view.text());
        }
        lines += view.state.height() as u64;
        frames += 1;
    }
    println!("{lines} lines in {frames} frames");
}

#[test]
fn every_small_size_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    write(&dir, (0..500).map(|n| (START + n * 1_000_000, n as usize, format!("level=error line {n} 日本"))), 1 << 20);
    let mut view = Driver::open(&dir, Options::default(), (80, 24));
    for keys in ["", "<Enter>", "|", "/line<Enter>", "W", "?"] {
        view.keys(keys);
        for width in 1..60 {
            for height in 1..30 {
                view.state.resized(width, height);
                let mut painter = Painter::new(Theme { depth: Depth::Sixteen });
                allowed(&painter.frame(&view.state).unwrap()).unwrap();
            }
        }
    }
}
