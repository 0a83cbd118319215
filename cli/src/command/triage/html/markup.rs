//! A page under construction. What is markup is known when the program is
//! built; everything else is text and escaped. There is no third way in.

use std::fmt::Write;

use crate::output;

/// Bytes that texts from logs may take in one page, so that a page stays under a megabyte whatever logs say.
const BUDGET: usize = 600 << 10;

/// Characters of one text, at most.
const MAX_TEXT: usize = 2000;

/// A page.
#[derive(Debug, Default)]
pub(super) struct Markup {
    out: String,
    texts: usize,
}

impl Markup {
    /// Markup of this program.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// Text of any origin: nothing in it means anything to a browser. Control and direction characters
    /// are made visible.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let before = self.out.len();
        let mut rest = text.chars();
        rest.by_ref().take(MAX_TEXT).for_each(|c| escape(c, &mut self.out));
        if rest.next().is_some() {
            self.out.push('…');
        }
        self.texts += self.out.len() - before;
        self
    }

    /// A number.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.show(format_args!("{number}"))
    }

    /// A number with so many decimals.
    pub(super) fn decimal(&mut self, number: f64, decimals: usize) -> &mut Self {
        self.show(format_args!("{number:.decimals$}"))
    }

    fn show(&mut self, text: std::fmt::Arguments<'_>) -> &mut Self {
        if self.out.write_fmt(text).is_err() {
            unreachable!("writing into a string does not fail");
        }
        self
    }

    /// No more long texts: the rest of a table is left out, and told.
    pub(super) fn is_full(&self) -> bool {
        self.texts > BUDGET
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

fn escape(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        '\n' | '\t' => out.push(c),
        c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if output::is_direction(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_log_reaches_the_browser() {
        let mut page = Markup::default();
        page.text("<script>alert('x')</script>\u{202e}\x1b[31m\"&\u{9b}=1+1");
        let safe = page.finish();
        let shown = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\\u{202e}\\x1b[31m&quot;&amp;\\x9b=1+1";
        assert_eq!(safe, shown);
    }
}
