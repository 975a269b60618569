//! A run as a picture: panels of bars, as SVG text. Read on light and on dark pages, so the page
//! shows through, and the words are in a grey that both let see.

use std::fmt::Write as _;

use crate::spread::Spread;

/// What is shown.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) panels: Vec<Panel>,
    /// Below all of it: where the figures come from.
    pub(crate) note: String,
}

/// Bars of one unit.
#[derive(Debug)]
pub(crate) struct Panel {
    /// What the bars are, with their unit, and whether more is better.
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: Spread,
    pub(crate) whose: Whose,
}

/// Which colour a bar has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Ours,
    /// What others have made for the same purpose.
    Peer,
    /// The same without safe retries.
    Bare,
}

const WIDTH: f64 = 940.0;
const LABELS: f64 = 390.0;
/// What the longest bar has; the rest is for its value.
const BARS: f64 = 440.0;
const MARGIN: f64 = 16.0;
const ROW: f64 = 26.0;
const THICK: f64 = 16.0;
const TITLE: f64 = 40.0;
const PANEL_TITLE: f64 = 34.0;
const NOTE: f64 = 30.0;

/// One that is seen on white as well as on black.
const INK: &str = "#6e7781";

impl Picture {
    pub(crate) fn svg(&self) -> String {
        let rows =
            |panel: &Panel| PANEL_TITLE + ROW * crate::spread::number(panel.bars.len() as u64);
        let height = TITLE + self.panels.iter().map(rows).sum::<f64>() + NOTE;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\" font-family=\"system-ui, \
             sans-serif\" font-size=\"13\" fill=\"{INK}\">\n<title>{}</title>\n",
            escaped(&self.title)
        );
        text(&mut svg, (MARGIN, 26.0), "font-size=\"17\" font-weight=\"600\"", &self.title);
        let mut top = TITLE;
        for panel in &self.panels {
            panel.draw(&mut svg, top);
            top += rows(panel);
        }
        text(&mut svg, (MARGIN, top + 20.0), "font-size=\"11\"", &self.note);
        svg.push_str("</svg>\n");
        svg
    }
}

impl Panel {
    fn draw(&self, svg: &mut String, top: f64) {
        text(svg, (MARGIN, top + 22.0), "font-weight=\"600\"", &self.title);
        let longest = self.bars.iter().map(|bar| bar.value.max).fold(f64::MIN_POSITIVE, f64::max);
        let mut row = top + PANEL_TITLE;
        for bar in &self.bars {
            bar.draw(svg, row, BARS / longest);
            row += ROW;
        }
    }
}

impl Bar {
    fn draw(&self, svg: &mut String, top: f64, scale: f64) {
        let (middle, base) = (top + THICK / 2.0, top + THICK - 3.5);
        let at = (LABELS - 8.0, base);
        text(svg, at, "text-anchor=\"end\"", &self.label);
        let [min, median, max] =
            [self.value.min, self.value.median, self.value.max].map(|value| value * scale);
        let colour = self.whose.colour();
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<rect x=\"{LABELS}\" y=\"{top:.1}\" width=\"{median:.1}\" height=\"{THICK}\" rx=\"2\" \
             fill=\"{colour}\"/>"
        );
        // From the least to the most of the rounds.
        let _ = writeln!(
            svg,
            "<path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"{INK}\" stroke-width=\"1.5\"/>",
            LABELS + min,
            LABELS + max
        );
        text(svg, (LABELS + max.max(median) + 8.0, base), "", &shown(self.value.median));
    }
}

impl Whose {
    fn colour(self) -> &'static str {
        match self {
            Self::Ours => "#2f81f7",
            Self::Peer => "#d18616",
            Self::Bare => "#9aa4af",
        }
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), attributes: &str, words: &str) {
    let space = if attributes.is_empty() { "" } else { " " };
    let words = escaped(words);
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\"{space}{attributes}>{words}</text>");
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// To three digits or so, in groups.
fn shown(value: f64) -> String {
    match value {
        0.0..10.0 => format!("{value:.2}"),
        10.0..1000.0 => format!("{value:.1}"),
        _ => {
            let whole = format!("{value:.0}");
            whole.parse().map(crate::table::grouped).unwrap_or(whole)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: f64) -> Bar {
        let value = Spread { min: value / 2.0, median: value, max: value };
        Bar { label: label.to_owned(), value, whose: Whose::Ours }
    }

    fn drawn(bars: Vec<Bar>) -> String {
        let panel = Panel { title: "requests per second".to_owned(), bars };
        Picture { title: "a < b".to_owned(), panels: vec![panel], note: "&".to_owned() }.svg()
    }

    #[test]
    fn the_longest_bar_fills_its_room_and_others_are_in_proportion() {
        let svg = drawn(vec![bar("half", 21_000.0), bar("whole", 42_000.0)]);
        assert!(svg.contains("width=\"220.0\"") && svg.contains("width=\"440.0\""), "{svg}");
        assert!(svg.contains(">21 000</text>") && svg.contains(">42 000</text>"), "{svg}");
    }

    #[test]
    fn words_are_escaped_and_every_text_is_closed() {
        let svg = drawn(vec![bar("x", 1.5)]);
        assert!(svg.contains("<title>a &lt; b</title>") && svg.contains(">&amp;</text>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_panel_without_figures_is_still_a_picture() {
        assert!(!drawn(Vec::new()).contains("NaN"));
    }
}
