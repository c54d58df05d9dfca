//! Boxes in the form of PASCAL VOC: one small XML file a photo, as Stanford Dogs has them.

use crate::manifest::Rectangle;

/// The most bytes of an annotation that are read.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

/// The most attributes and namespaces of an annotation, which needs none: the parser compares each
/// with every other.
const MOST_ATTRIBUTES: usize = 1000;

/// What an annotation says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Annotation {
    /// Width and height of the photo that it was drawn on.
    pub size: (u32, u32),
    /// The objects: their name and box, in pixels of `size`.
    pub objects: Vec<(String, Rectangle)>,
}

impl Annotation {
    /// Reads an annotation; `None` where it is not one or lacks a number.
    pub fn parse(bytes: &[u8]) -> Option<Annotation> {
        let text = std::str::from_utf8(bytes).ok()?;
        if text.matches('=').count() > MOST_ATTRIBUTES {
            return None;
        }
        let document = roxmltree::Document::parse(text).ok()?;
        let child = |node: roxmltree::Node<'_, '_>, name: &str| {
            let found = node.children().find(|child| child.has_tag_name(name))?;
            Some(found.text().unwrap_or_default().trim().to_owned())
        };
        let root = document.root_element();
        let size = root.children().find(|node| node.has_tag_name("size"))?;
        let side =
            |name| -> Option<u32> { child(size, name)?.parse().ok().filter(|&side| side > 0) };
        let objects = root
            .children()
            .filter(|node| node.has_tag_name("object"))
            .map(|object| {
                let rectangle = object.children().find(|node| node.has_tag_name("bndbox"))?;
                let side = |name| -> Option<f32> {
                    let side: f32 = child(rectangle, name)?.parse().ok()?;
                    side.is_finite().then_some(side)
                };
                let sides = [side("xmin")?, side("ymin")?, side("xmax")?, side("ymax")?];
                Some((child(object, "name").unwrap_or_default(), sides))
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Annotation {
            size: (side("width")?, side("height")?),
            objects,
        })
    }

    /// The boxes in pixels of a photo of another size.
    pub fn scaled(&self, (width, height): (u32, u32)) -> Vec<Rectangle> {
        let across = width as f32 / self.size.0 as f32;
        let down = height as f32 / self.size.1 as f32;
        self.objects
            .iter()
            .map(|(_, [left, top, right, bottom])| {
                [left * across, top * down, right * across, bottom * down]
            })
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An annotation as Stanford Dogs has them.
    pub(crate) fn voc(size: (u32, u32), name: &str, sides: [i32; 4]) -> String {
        let [left, top, right, bottom] = sides;
        format!(
            "<annotation>\n\t<folder>02085620</folder>\n\t<size>\n\t\t<width>{}</width>\n\
             \t\t<height>{}</height>\n\t</size>\n\t<object>\n\t\t<name>{name}</name>\n\t\t<bndbox>\n\
             <xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax>\n\
             </bndbox>\n\t</object>\n</annotation>\n",
            size.0, size.1
        )
    }

    #[test]
    fn boxes_follow_the_photos_size() {
        let text = voc((400, 200), "pug", [100, 50, 300, 200]);
        let annotation = Annotation::parse(text.as_bytes()).unwrap();
        assert_eq!(annotation.objects[0].0, "pug");
        assert_eq!(annotation.scaled((400, 200)), [[100., 50., 300., 200.]]);
        assert_eq!(annotation.scaled((200, 200)), [[50., 50., 150., 200.]]);
    }

    #[test]
    fn what_would_take_long_to_read_is_refused() {
        let most = MOST_BYTES as usize;
        let number = |name: &'static str| {
            let items = (0..).map(move |number| format!(" {name}{number:x}=''"));
            let mut length = 0;
            items.take_while(move |item| {
                length += item.len();
                length < most
            })
        };
        let attributes: String = number("a").collect();
        let namespaces: String = number("xmlns:a").map(|name| format!("<a{name}>")).collect();
        for text in [
            format!("<annotation{attributes}/>"),
            namespaces,
            "<a>".repeat(most / 3),
        ] {
            assert_eq!(Annotation::parse(text.as_bytes()), None);
        }
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        let whole = voc((400, 200), "pug", [100, 50, 300, 200]);
        let end = whole.trim_end().len();
        for length in (0..end).filter(|&length| whole.is_char_boundary(length)) {
            assert_eq!(Annotation::parse(&whole.as_bytes()[..length]), None);
        }
        for (from, to) in [
            (">400<", ">0<"),
            (">100<", ">NaN<"),
            (">50<", "><"),
            ("ymax", "zmax"),
        ] {
            assert_eq!(Annotation::parse(whole.replace(from, to).as_bytes()), None);
        }
        let bomb = "<!DOCTYPE a [<!ENTITY b 'xx'><!ENTITY c '&b;&b;'>]><a>&c;</a>";
        assert_eq!(Annotation::parse(bomb.as_bytes()), None);
    }
}
