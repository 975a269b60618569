//! Just enough of Markdown to tell code from prose, and to find the links in prose.

/// What stands between two fences.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CodeBlock {
    pub(super) line: usize,
    /// The language, as written after the opening fence.
    pub(super) info: String,
    pub(super) lines: Vec<String>,
}

/// A Markdown file, read once.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) code: Vec<CodeBlock>,
    /// Lines outside of code blocks, with their numbers.
    prose: Vec<(usize, String)>,
}

// === impl Page ===

impl Page {
    pub(super) fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut open: Option<(&str, CodeBlock)> = None;
        for (line, number) in text.lines().zip(1..) {
            open = match (open, fence(line)) {
                (None, None) => {
                    page.prose.push((number, line.to_owned()));
                    None
                }
                (None, Some((fence, info))) => {
                    let (info, lines) = (info.to_owned(), Vec::new());
                    Some((fence, CodeBlock { line: number, info, lines }))
                }
                (Some((opening, block)), Some((fence, ""))) if fence.starts_with(opening) => {
                    page.code.push(block);
                    None
                }
                (Some((opening, mut block)), _) => {
                    block.lines.push(line.to_owned());
                    Some((opening, block))
                }
            };
        }
        // Markdown closes what is left open at the end of the file.
        page.code.extend(open.map(|(_, block)| block));
        page
    }

    /// Where each link or picture of the prose leads, with the number of its line.
    pub(super) fn links(&self) -> impl Iterator<Item = (usize, String)> {
        self.prose.iter().flat_map(|(number, line)| {
            let line = without_code_spans(line);
            let targets: Vec<String> = targets(&line).map(str::to_owned).collect();
            targets.into_iter().map(|target| (*number, target))
        })
    }
}

/// The fence that a line consists of and what is written after it.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let fence = &line[..line.len() - info.len()];
    // Three marks and more of them later are code within a line, not the start of a block.
    (fence.len() >= 3 && !info.contains(mark)).then(|| (fence, info.trim()))
}

fn without_code_spans(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// `[text](target "title")`, `[label]: target`, `<a href="target">`, `<img src="target">`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = ["](", "href=\"", "src=\""]
        .into_iter()
        .flat_map(move |start| line.match_indices(start).map(move |(at, _)| at + start.len()))
        .map(move |start| &line[start..]);
    let definition =
        line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|it| it.1);
    inline.chain(definition).filter_map(|rest| {
        rest.trim_start().trim_start_matches('<').split([' ', ')', '>', '"']).next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<(usize, String)> {
        Page::parse(text).links().collect()
    }

    #[test]
    fn blocks_carry_their_place_language_and_lines() {
        let page = Page::parse("a\n```sh\nls\n\n```\nb\n~~~\n```\n~~~\n");
        let [shell, plain] = &page.code[..] else { panic!("{:?}", page.code) };
        assert_eq!((shell.line, shell.info.as_str()), (2, "sh"));
        assert_eq!(shell.lines, ["ls", ""]);
        assert_eq!(plain.lines, ["```"]);
    }

    #[test]
    fn a_longer_fence_holds_a_shorter_one_and_an_open_one_ends_with_the_file() {
        assert_eq!(Page::parse("````\n```\n````\n").code[0].lines, ["```"]);
        assert_eq!(Page::parse("```\nlast").code[0].lines, ["last"]);
        assert_eq!(Page::parse("```inline``` code\n").code, []);
    }

    #[test]
    fn every_form_of_link_is_found() {
        assert_eq!(links("[a](b.md) and ![c](d.png \"title\")\n")[1], (1, "d.png".to_owned()));
        assert_eq!(links("\n[label]: <b c>\n"), [(2, "b".to_owned())]);
        assert_eq!(links("<img alt=\"x\" src=\"e.svg\">"), [(1, "e.svg".to_owned())]);
        assert_eq!(links("[![badge](f.svg)](g.md)").len(), 2);
    }

    #[test]
    fn code_holds_no_links() {
        assert_eq!(links("```\n[a](b)\n```\nslice `[x](y)` end [c](d)"), [(4, "d".to_owned())]);
    }
}
