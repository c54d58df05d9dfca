//! The page: headings, texts, tables, charts and grids of pictures, one after the other.

use std::fmt::Write as _;

use words::Language;

use crate::chart::Chart;
use crate::escape::escape;
use crate::matrix::Matrix;
use crate::picture::Picture;
use crate::scatter::{Curves, Parallel, Scatter};
use crate::table::Table;

/// How everything looks: one column, readable on a phone, in the dark and on paper. What is wider
/// than its column scrolls, and a shade at the edge says so. Drawings are made for light paper; in the
/// dark their lightness is turned round and their hue kept.
const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1a1a1a;--line:#767676;--thin:#b0b0b0;--link:#0b57a4;--shade:#0005;\
font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}\
@media screen and (prefers-color-scheme:dark){:root{--paper:#17181a;--ink:#ececec;--line:#8c8c8c;--thin:#55585c;--link:#8fc0f5;--shade:#fff6}\
svg{filter:invert(1) hue-rotate(180deg)}}\
body{max-width:62rem;margin:0 auto;padding:1rem}\
h1{line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}\
nav ul{columns:16rem;padding-left:1.2rem}\
a{color:var(--link)}:focus-visible{outline:3px solid var(--link);outline-offset:2px}\
figure{margin:1rem 0}svg{display:block;box-sizing:border-box;width:100%;max-width:36rem;height:auto;border:1px solid #d0d0d0}\
.own svg{width:auto;max-width:none}\
.scroll,.own{overflow-x:auto;background:\
linear-gradient(90deg,var(--paper) 30%,transparent) 0/2.5rem 100% local no-repeat,\
linear-gradient(270deg,var(--paper) 30%,transparent) 100%/2.5rem 100% local no-repeat,\
linear-gradient(90deg,var(--shade),transparent) 0/.8rem 100% scroll no-repeat,\
linear-gradient(270deg,var(--shade),transparent) 100%/.8rem 100% scroll no-repeat}\
table{border-collapse:collapse;margin:.5rem 0}\
th,td{border:1px solid var(--thin);padding:.2rem .5rem;text-align:left;vertical-align:top}\
td.n{text-align:right;font-variant-numeric:tabular-nums}\
.grid{display:flex;flex-wrap:wrap;gap:.8rem;padding:0;list-style:none}\
.grid li{border:1px solid var(--thin);padding:.4rem;max-width:17rem;font-size:.85rem;overflow-wrap:anywhere}\
.grid .pictures{display:flex;flex-wrap:wrap;align-items:flex-start;gap:.3rem}.grid img{display:block;max-width:8rem;height:auto}\
summary{cursor:pointer}\
.compare{display:flex;flex-wrap:wrap;gap:.5rem;max-width:34rem}\
.compare figure{flex:1 1 14rem;margin:0}.compare img{display:block;width:100%;height:auto}\
.compare.on{display:grid;grid-template-columns:minmax(0,1fr)}.compare.on figure{grid-area:1/1}\
.compare.on figure+figure{clip-path:inset(0 0 0 var(--at,50%))}\
.compare.on figure+figure figcaption{text-align:right}\
.compare input{grid-area:2/1;width:100%;margin:0;height:2rem}\
@media print{body{max-width:none;padding:0}h1,h2,caption,summary{break-after:avoid}\
figure,.grid li,.compare,tr{break-inside:avoid}.scroll,.own{overflow:visible;background:none}.own svg{max-width:100%}\
.compare input,details:not([open]){display:none}}";

/// Lays the pictures of a comparison over each other, with a slider that parts them.
const SCRIPT: &str = "\
for(const c of document.querySelectorAll('.compare')){const i=document.createElement('input');\
i.type='range';i.min=0;i.max=100;i.value=50;i.setAttribute('aria-label',c.dataset.slider);\
i.oninput=()=>c.style.setProperty('--at',i.value+'%');c.append(i);c.classList.add('on')}";

/// How every page begins, before its language.
const BEGINNING: &str = "<!doctype html><html lang=";

/// Nothing from outside, whatever stands in the page.
const POLICY: &str = concat!(
    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; ",
    "img-src data:; style-src 'unsafe-inline'",
);

/// What stands around a hash of all before it, at the end of every page.
const STAMP: (&str, &str) = ("<!-- museau blake3 ", " -->\n");

/// Whether these are the bytes of a [`Page`], to the last one: what a person changed is theirs.
pub fn is_page(bytes: &[u8]) -> bool {
    let length = stamp(&[]).len();
    let Some((page, stamped)) = bytes.len().checked_sub(length).map(|at| bytes.split_at(at)) else {
        return false;
    };
    page.starts_with(BEGINNING.as_bytes()) && stamped == stamp(page).as_bytes()
}

fn stamp(page: &[u8]) -> String {
    format!("{}{}{}", STAMP.0, blake3::hash(page).to_hex(), STAMP.1)
}

/// A page in the making.
#[derive(Clone, Debug)]
pub struct Page {
    language: Language,
    title: String,
    body: String,
    /// (anchor, text) of each heading.
    headings: Vec<(String, String)>,
    /// Whether there is a comparison, which has a script.
    compares: bool,
}

impl Page {
    /// A page in a language under a title.
    pub fn new(language: Language, title: &str) -> Self {
        Page {
            language,
            title: title.to_owned(),
            body: String::new(),
            headings: Vec::new(),
            compares: false,
        }
    }

    /// Begins a section; the page's contents list it.
    pub fn heading(&mut self, text: &str) {
        let anchor = format!("s{}", self.headings.len() + 1);
        let _ = write!(self.body, "<h2 id={anchor}>{}</h2>", escape(text));
        self.headings.push((anchor, text.to_owned()));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        let _ = write!(self.body, "<p>{}</p>", escape(text));
    }

    /// A table.
    pub fn table(&mut self, caption: &str, table: &Table) {
        self.body.push_str(&table.html(caption));
    }

    /// A chart with its numbers folded away under it. `numbers` is what opens them.
    pub fn chart(&mut self, chart: &Chart<'_>, numbers: &str) {
        self.chart_over(chart, numbers, &chart.table(self.language));
    }

    /// The same with a table that says more than the chart's own.
    pub fn chart_over(&mut self, chart: &Chart<'_>, numbers: &str, table: &Table) {
        // A heading that says the same is caption enough.
        let caption = match self.headings.last() {
            Some((_, heading)) if heading == chart.title() => String::new(),
            _ => format!("<figcaption>{}</figcaption>", escape(chart.title())),
        };
        let _ = write!(
            self.body,
            "<figure{}>{}{caption}</figure><details><summary>{}</summary>{}</details>",
            if chart.keeps_its_size() {
                " class=own tabindex=0"
            } else {
                ""
            },
            chart.svg(self.language),
            escape(numbers),
            table.html("")
        );
    }

    /// Points over two axes, their numbers folded away under them. `numbers` is what opens them.
    pub fn scatter(&mut self, scatter: &Scatter<'_>, numbers: &str) {
        let language = self.language;
        self.drawing(
            scatter.title,
            &scatter.svg(language),
            numbers,
            &scatter.table(language),
        );
    }

    /// Curves over two axes, their numbers folded away under them.
    pub fn curves(&mut self, curves: &Curves<'_>, numbers: &str) {
        let language = self.language;
        self.drawing(
            curves.title,
            &curves.svg(language),
            numbers,
            &curves.table(language),
        );
    }

    /// Lines over several axes at their own size, their numbers folded away under them.
    pub fn parallel(&mut self, parallel: &Parallel<'_>, numbers: &str) {
        let language = self.language;
        self.drawing(
            parallel.title,
            &parallel.svg(language),
            numbers,
            &parallel.table(language),
        );
    }

    /// A drawing at its own size, which a small screen scrolls, its numbers folded away under it.
    fn drawing(&mut self, title: &str, svg: &str, numbers: &str, table: &Table) {
        let _ = write!(
            self.body,
            "<figure class=own tabindex=0>{svg}<figcaption>{}</figcaption></figure>\
             <details><summary>{}</summary>{}</details>",
            escape(title),
            escape(numbers),
            table.html("")
        );
    }

    /// A confusion matrix at its own size, which a small screen scrolls, its numbers folded away under
    /// it. `numbers` is what opens them.
    pub fn matrix(&mut self, matrix: &Matrix<'_>, numbers: &str) {
        self.drawing(matrix.title, &matrix.svg(), numbers, &matrix.table());
    }

    /// A grid; each cell has pictures side by side and lines of text under them.
    pub fn grid(&mut self, cells: &[(Vec<Picture>, Vec<String>)]) {
        self.body.push_str("<ul class=grid>");
        for (pictures, lines) in cells {
            self.body.push_str("<li><div class=pictures>");
            for picture in pictures {
                self.body.push_str(&picture.html());
            }
            self.body.push_str("</div>");
            for line in lines {
                let _ = write!(self.body, "<div>{}</div>", escape(line));
            }
        }
        self.body.push_str("</ul>");
    }

    /// Two pictures of one size under a slider that shows one or the other; side by side without
    /// script. `names` stand under them, `slider` says what the slider does.
    pub fn comparison(&mut self, [before, after]: [&Picture; 2], names: [&str; 2], slider: &str) {
        self.compares = true;
        let _ = write!(
            self.body,
            "<div class=compare data-slider=\"{}\">",
            escape(slider)
        );
        for (picture, name) in [before, after].into_iter().zip(names) {
            let (picture, name) = (picture.html(), escape(name));
            let _ = write!(
                self.body,
                "<figure>{picture}<figcaption>{name}</figcaption></figure>"
            );
        }
        self.body.push_str("</div>");
    }

    /// The page as one HTML file.
    pub fn finish(&self) -> String {
        let title = escape(&self.title);
        let mut html = format!(
            "{BEGINNING}{}><head><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width,initial-scale=1\">\
             {POLICY}{}\">\
             <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>",
            self.language.code(),
            if self.compares {
                "; script-src 'unsafe-inline'"
            } else {
                ""
            },
        );
        if self.headings.len() > 1 {
            let _ = write!(html, "<nav aria-label=\"{title}\"><ul>");
            for (anchor, text) in &self.headings {
                let _ = write!(html, "<li><a href=#{anchor}>{}</a>", escape(text));
            }
            html.push_str("</ul></nav>");
        }
        html.push_str(&self.body);
        html.push_str("</main>");
        if self.compares {
            let _ = write!(html, "<script>{SCRIPT}</script>");
        }
        html.push_str("</body></html>\n");
        let stamp = stamp(html.as_bytes());
        html + &stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_until_any_byte_of_it_is_another() {
        let mut page = Page::new(Language::French, "Un titre")
            .finish()
            .into_bytes();
        assert!(is_page(&page));
        for place in 0..page.len() {
            page[place] ^= 1;
            assert!(!is_page(&page), "byte {place}");
            page[place] ^= 1;
            assert!(!is_page(&page[..place]), "cut at {place}");
        }
        // As a person edits it, or an earlier version wrote it.
        let text = String::from_utf8(page).unwrap();
        assert!(!is_page(text.replace("Un titre", "Mon titre").as_bytes()));
        let (without, _) = text.split_once(STAMP.0).unwrap();
        assert!(!is_page(without.as_bytes()) && !is_page((text.clone() + "note").as_bytes()));
    }

    #[test]
    fn a_page_is_for_the_dark_and_for_paper_too() {
        let html = Page::new(Language::English, "").finish();
        for kind in [
            "@media screen and (prefers-color-scheme:dark)",
            "@media print",
        ] {
            assert!(html.contains(kind), "{kind}");
        }
        // Every colour of a text or a line follows the scheme; a drawing's own frame is turned with it.
        let plain = html.replace("svg{display:block;box-sizing:border-box;width:100%;max-width:36rem;height:auto;border:1px solid #d0d0d0}", "");
        assert!(
            !plain.contains("solid #") && !plain.contains("color:#"),
            "{plain}"
        );
    }

    #[test]
    fn only_a_comparison_brings_a_script() {
        let mut page = Page::new(Language::English, "Pair");
        assert!(!page.finish().contains("script"));
        let gray = Picture::from_jpeg(2, 2, vec![0xff, 0xd8], "<x>");
        page.comparison([&gray, &gray], ["a", "b"], "a \"slider\"");
        let html = page.finish();
        assert!(html.contains("script-src 'unsafe-inline'") && html.contains("<script>for("));
        assert!(html.contains("data-slider=\"a &quot;slider&quot;\""));
        assert_eq!(html.matches("<figure>").count(), 2);
    }

    #[test]
    fn a_page_holds_all_and_fetches_nothing() {
        let mut page = Page::new(Language::French, "Épreuve <b>");
        page.heading("Une");
        page.paragraph("a < b & \"c\"");
        page.heading("Deux");
        let mut table = Table::new(["classe", "photos"]);
        table.row(["<script>", "12.5"]);
        page.table("Comptes", &table);
        let values = [("carlin".to_owned(), 3.0), ("<i>".to_owned(), 4.0)];
        page.chart(&Chart::bars("Photos", "photos", &values), "Les nombres");
        let gray = Picture::from_jpeg(2, 2, vec![0xff, 0xd8], "une photo");
        page.grid(&[(vec![gray], vec!["a'b".to_owned()])]);
        let html = page.finish();
        assert!(html.contains("<html lang=fr>"));
        assert!(html.contains("a &lt; b &amp; &quot;c&quot;"));
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script"));
        assert!(html.contains("<td class=n>12.5"));
        assert!(html.contains("href=#s2") && html.contains("id=s2"));
        assert!(html.contains("data:image/jpeg;base64,"));
        for outside in ["src=\"http", "href=\"http", "url(", "@import"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}
