//! A small JPEG encoder for tests: any sampling, order of scans, script, code, restart interval and
//! marker, of a picture that it makes itself.
use std::sync::LazyLock;

/// What a picture is made with. The picture is the same for all of a size, but for its grain.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub width: usize,
    pub height: usize,
    pub colors: Colors,
    /// Samples across and down in a unit, by component.
    pub sampling: Vec<[u8; 2]>,
    pub script: Vec<Scan>,
    pub progressive: bool,
    pub codes: Codes,
    /// Units between restart markers, as the DRI segment says; 0: no such segment.
    pub interval: usize,
    /// Factors of 16 bits instead of 8.
    pub wide_factors: bool,
    /// The factor of every coefficient.
    pub factor: u16,
    /// JFIF's segment.
    pub jfif: bool,
    /// Adobe's segment, with this transform.
    pub adobe: Option<u8>,
    /// The number of lines in a segment behind the first scan instead of in the frame header.
    pub late_lines: bool,
    /// 0xFF bytes before every marker but the first.
    pub filling: usize,
    /// No Huffman tables, as frames of films have none.
    pub without_tables: bool,
    /// No marker at the end.
    pub without_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    Gray,
    Ycc,
    Rgb,
    Cmyk,
    Ycck,
}

/// A scan of some components: a band of coefficients, from bit `high` (0: from the top) to `low`.
#[derive(Clone, Debug)]
pub struct Scan {
    pub components: Vec<usize>,
    pub band: [usize; 2],
    pub high: u8,
    pub low: u8,
}

impl Scan {
    pub fn new(components: &[usize], band: [usize; 2], high: u8, low: u8) -> Scan {
        Scan {
            components: components.to_vec(),
            band,
            high,
            low,
        }
    }

    /// All of these components in one scan.
    pub fn whole(components: &[usize]) -> Scan {
        Scan::new(components, [0, 63], 0, 0)
    }
}

/// The Huffman codes that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// Those of the standard's annex K, which lack what progressive scans need.
    Standard,
    /// Words of 8 and 9 bits for all symbols.
    Flat,
    /// Seven short words, and 16 bits for all others.
    Long,
}

impl Recipe {
    /// A baseline JPEG in one scan.
    pub fn new(width: usize, height: usize, colors: Colors, sampling: &[[u8; 2]]) -> Recipe {
        let all: Vec<usize> = (0..sampling.len()).collect();
        Recipe {
            width,
            height,
            colors,
            sampling: sampling.to_vec(),
            script: vec![Scan::whole(&all)],
            progressive: false,
            codes: Codes::Flat,
            interval: 0,
            wide_factors: false,
            factor: 4,
            jfif: false,
            adobe: match colors {
                Colors::Rgb => Some(0),
                Colors::Ycck => Some(2),
                _ => None,
            },
            late_lines: false,
            filling: 0,
            without_tables: false,
            without_end: false,
        }
    }

    /// Each component in a scan of its own, in this order.
    pub fn separate(mut self, order: &[usize]) -> Recipe {
        self.script = order.iter().map(|c| Scan::whole(&[*c])).collect();
        self
    }

    /// Progressive, by one of the scripts.
    pub fn progressive(mut self, script: usize) -> Recipe {
        self.progressive = true;
        self.script = scripts(self.sampling.len()).swap_remove(script);
        self
    }

    /// The pixels that it was made of: the component's values, 0 to 255, by colours.
    pub fn pixel(&self, column: usize, row: usize) -> Vec<f64> {
        let count = self.sampling.len();
        (0..count)
            .map(|component| value(component, column as f64, row as f64))
            .collect()
    }

    /// What the pixel's red, green and blue should be.
    pub fn rgb(&self, column: usize, row: usize) -> [f64; 3] {
        let p = self.pixel(column, row);
        let from_ycc = || {
            let (y, cb, cr) = (p[0], p[1] - 128.0, p[2] - 128.0);
            [
                y + 1.402 * cr,
                y - 0.344136 * cb - 0.714136 * cr,
                y + 1.772 * cb,
            ]
            .map(|value| value.clamp(0.0, 255.0))
        };
        match self.colors {
            Colors::Gray => [p[0]; 3],
            Colors::Rgb => [p[0], p[1], p[2]],
            Colors::Ycc => from_ycc(),
            // Stored inverted: what is stored is what is left of the light.
            Colors::Cmyk => [0, 1, 2].map(|c| p[c] * p[3] / 255.0),
            Colors::Ycck => from_ycc().map(|ink| (255.0 - ink) * p[3] / 255.0),
        }
    }

    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        let most = [0, 1].map(|axis| self.sampling.iter().map(|s| s[axis]).max().unwrap());
        let alone = self.sampling.len() == 1;
        let components: Vec<Component> = self
            .sampling
            .iter()
            .enumerate()
            .map(|(index, sampling)| {
                let sampling = if alone { [1, 1] } else { *sampling };
                Component::new(self, index, sampling, if alone { [1, 1] } else { most })
            })
            .collect();
        let most = if alone { [1, 1] } else { most };
        let mut out = vec![0xFF, 0xD8];
        if self.jfif {
            self.segment(&mut out, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
        }
        if let Some(transform) = self.adobe {
            let mut body = b"Adobe\0\x64\0\0\0\0".to_vec();
            body.push(transform);
            self.segment(&mut out, 0xEE, &body);
        }
        let mut body = vec![if self.wide_factors { 0x10 } else { 0 }];
        for _ in 0..64 {
            if self.wide_factors {
                body.extend(self.factor.to_be_bytes());
            } else {
                body.push(self.factor as u8);
            }
        }
        self.segment(&mut out, 0xDB, &body);
        let lines = if self.late_lines { 0 } else { self.height };
        let mut body = vec![8];
        body.extend((lines as u16).to_be_bytes());
        body.extend((self.width as u16).to_be_bytes());
        body.push(components.len() as u8);
        for (index, sampling) in self.sampling.iter().enumerate() {
            let id = match self.colors {
                Colors::Rgb if self.adobe.is_none() => b"RGB"[index],
                _ => index as u8 + 1,
            };
            body.extend([id, sampling[0] << 4 | sampling[1], 0]);
        }
        let marker = match (self.progressive, self.codes) {
            (true, _) => 0xC2,
            (false, Codes::Standard) => 0xC0,
            (false, _) => 0xC1,
        };
        self.segment(&mut out, marker, &body);
        let [dc, ac] = [0, 1].map(|kind| Code::new(self.codes, kind));
        if !self.without_tables {
            for (kind, code) in [(0, &dc), (0x10, &ac)] {
                let mut body = vec![kind];
                body.extend(code.counts);
                body.extend(&code.symbols);
                self.segment(&mut out, 0xC4, &body);
            }
        }
        if self.interval > 0 {
            self.segment(&mut out, 0xDD, &(self.interval as u16).to_be_bytes());
        }
        for (number, scan) in self.script.iter().enumerate() {
            let mut body = vec![scan.components.len() as u8];
            for &component in &scan.components {
                let id = match self.colors {
                    Colors::Rgb if self.adobe.is_none() => b"RGB"[component],
                    _ => component as u8 + 1,
                };
                body.extend([id, 0]);
            }
            body.extend([
                scan.band[0] as u8,
                scan.band[1] as u8,
                scan.high << 4 | scan.low,
            ]);
            self.segment(&mut out, 0xDA, &body);
            let mut writer = Writer::new(&mut out, &dc, &ac);
            self.scan(scan, &components, most, &mut writer);
            if number == 0 && self.late_lines {
                self.segment(&mut out, 0xDC, &(self.height as u16).to_be_bytes());
            }
        }
        if !self.without_end {
            out.extend(vec![0xFF; self.filling]);
            out.extend([0xFF, 0xD9]);
        }
        out
    }

    fn segment(&self, out: &mut Vec<u8>, marker: u8, body: &[u8]) {
        out.extend(vec![0xFF; self.filling]);
        out.extend([0xFF, marker]);
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(body);
    }

    fn scan(&self, scan: &Scan, components: &[Component], most: [u8; 2], writer: &mut Writer<'_>) {
        let size = [self.width, self.height];
        let units = match scan.components[..] {
            [alone] => {
                let sampling = components[alone].sampling;
                [0, 1].map(|axis| {
                    let samples = size[axis] * usize::from(sampling[axis]);
                    samples.div_ceil(usize::from(most[axis])).div_ceil(8)
                })
            }
            _ => [0, 1].map(|axis| size[axis].div_ceil(8 * usize::from(most[axis]))),
        };
        let mut since = 0;
        let mut restarts = 0;
        for unit in 0..units[0] * units[1] {
            if self.interval > 0 && since == self.interval {
                writer.finish();
                writer.out.extend(vec![0xFF; self.filling]);
                writer.out.extend([0xFF, 0xD0 | restarts & 7]);
                writer.predictions = [0; 4];
                restarts += 1;
                since = 0;
            }
            since += 1;
            let [column, row] = [unit % units[0], unit / units[0]];
            for (part, &component) in scan.components.iter().enumerate() {
                let component = &components[component];
                let [across, down] = match scan.components.len() {
                    1 => [1, 1],
                    _ => component.sampling.map(usize::from),
                };
                for y in 0..down {
                    for x in 0..across {
                        let at = (row * down + y) * component.stride + column * across + x;
                        self.block(scan, &component.blocks[at], part, writer);
                    }
                }
            }
        }
        writer.finish();
    }

    fn block(&self, scan: &Scan, block: &[i32; 64], part: usize, writer: &mut Writer<'_>) {
        let [start, end] = scan.band;
        match (self.progressive, start, scan.high) {
            (false, ..) => {
                writer.first(block[0], part);
                writer.band(block, [1, 63], 0, false);
            }
            (true, 0, 0) => writer.first(block[0] >> scan.low, part),
            (true, 0, _) => writer.bits((block[0] >> scan.low & 1) as u32, 1),
            (true, _, 0) => writer.band(block, [start, end], scan.low, true),
            (true, ..) => writer.refine(block, [start, end], scan.low),
        }
    }
}

/// Every pair of factors for a component, and some for all of them.
pub fn samplings() -> Vec<Vec<[u8; 2]>> {
    let mut samplings = Vec::new();
    for across in 1..=4 {
        for down in 1..=4 {
            // Luma finer, chroma finer, one chroma component finer.
            samplings.push(vec![[across, down], [1, 1], [1, 1]]);
            samplings.push(vec![[1, 1], [across, down], [across, down]]);
            samplings.push(vec![[1, 1], [1, 1], [across, down]]);
        }
    }
    for odd in [
        [[2, 2], [2, 1], [1, 2]],
        [[1, 2], [2, 1], [1, 1]],
        [[4, 2], [2, 2], [1, 1]],
        [[3, 1], [2, 1], [1, 1]],
        [[2, 3], [3, 2], [1, 4]],
        [[4, 4], [3, 3], [2, 2]],
        [[2, 2], [2, 2], [2, 2]],
    ] {
        samplings.push(odd.to_vec());
    }
    samplings
}

/// Other orders and scripts of scans for the coefficients of a recipe of three components.
pub fn orders(recipe: &Recipe) -> Vec<Recipe> {
    let clone = || recipe.clone();
    vec![
        clone().separate(&[0, 1, 2]),
        clone().separate(&[2, 0, 1]),
        clone().progressive(0),
        clone().progressive(1),
        clone().progressive(2),
        Recipe {
            script: vec![Scan::whole(&[1, 2]), Scan::whole(&[0])],
            ..clone()
        },
        Recipe {
            script: vec![Scan::whole(&[2, 0, 1])],
            interval: 3,
            ..clone()
        },
    ]
}

/// Scripts of progressive files of so many components.
pub fn scripts(components: usize) -> Vec<Vec<Scan>> {
    let all: Vec<usize> = (0..components).collect();
    let each = |band: [usize; 2], high: u8, low: u8| {
        (0..components).map(move |component| Scan::new(&[component], band, high, low))
    };
    // As libjpeg writes them: bits and bands.
    let mut usual = vec![Scan::new(&all, [0, 0], 0, 1)];
    usual.extend(each([1, 5], 0, 2));
    usual.extend(each([6, 63], 0, 2));
    usual.extend(each([1, 63], 2, 1));
    usual.push(Scan::new(&all, [0, 0], 1, 0));
    usual.extend(each([1, 63], 1, 0));
    // Bands alone.
    let mut bands = vec![Scan::new(&all, [0, 0], 0, 0)];
    bands.extend(each([1, 2], 0, 0));
    bands.extend(each([3, 63], 0, 0));
    // First coefficients apart, the last component first, single coefficients, many bits.
    let mut odd: Vec<Scan> = each([0, 0], 0, 3).collect();
    odd.reverse();
    odd.extend(each([63, 63], 0, 0));
    odd.extend(each([1, 1], 0, 3));
    odd.extend(each([2, 62], 0, 3));
    for low in (0..3).rev() {
        odd.extend(each([1, 62], low + 1, low));
        odd.extend(each([0, 0], low + 1, low));
    }
    vec![usual, bands, odd]
}

/// A component's value at a place: slopes and waves that a coarser sampling keeps, so that what is
/// decoded can be told from what was meant.
fn value(component: usize, column: f64, row: f64) -> f64 {
    let (x, y) = (column / 40.0, row / 40.0);
    match component {
        0 => 128.0 + 70.0 * (1.3 * x + 0.4).sin() * (0.9 * y).cos() + 20.0 * (x * y / 3.0).sin(),
        1 => 110.0 + 50.0 * (0.5 * x - 0.3 * y).sin(),
        2 => 140.0 + 40.0 * (0.4 * x + 0.7 * y).cos(),
        _ => 190.0 + 40.0 * (0.6 * x - 0.8 * y).sin(),
    }
}

struct Component {
    sampling: [u8; 2],
    /// Blocks in a row.
    stride: usize,
    /// Coefficients in coded order.
    blocks: Vec<[i32; 64]>,
}

impl Component {
    fn new(recipe: &Recipe, index: usize, sampling: [u8; 2], most: [u8; 2]) -> Component {
        let size = [recipe.width, recipe.height];
        let units = [0, 1].map(|axis| size[axis].div_ceil(8 * usize::from(most[axis])));
        let [stride, rows] = [0, 1].map(|axis| units[axis] * usize::from(sampling[axis]));
        let step = [0, 1].map(|axis| f64::from(most[axis]) / f64::from(sampling[axis]));
        let mut blocks = Vec::new();
        for row in 0..rows {
            for column in 0..stride {
                let mut samples = [[0.0; 8]; 8];
                for (y, line) in samples.iter_mut().enumerate() {
                    for (x, sample) in line.iter_mut().enumerate() {
                        // The middle of what the sample stands for, in pixels.
                        let middle = |at: usize, step: f64| (at as f64 + 0.5) * step - 0.5;
                        let x = middle(column * 8 + x, step[0]).min(recipe.width as f64 - 1.0);
                        let y = middle(row * 8 + y, step[1]).min(recipe.height as f64 - 1.0);
                        *sample = value(index, x, y) - 128.0;
                    }
                }
                blocks.push(transformed(&samples, f64::from(recipe.factor)));
            }
        }
        Component {
            sampling,
            stride,
            blocks,
        }
    }
}

/// The quantised coefficients of a block, in coded order.
fn transformed(samples: &[[f64; 8]; 8], factor: f64) -> [i32; 64] {
    static WAVES: LazyLock<[[f64; 8]; 8]> = LazyLock::new(|| {
        let wave = |at: usize, frequency: usize| {
            let scale = if frequency == 0 { 0.125f64.sqrt() } else { 0.5 };
            scale * ((2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0).cos()
        };
        std::array::from_fn(|at| std::array::from_fn(|frequency| wave(at, frequency)))
    });
    let waves = &*WAVES;
    let mut places: Vec<[usize; 2]> = (0..64).map(|at| [at / 8, at % 8]).collect();
    // Diagonal by diagonal, up and down in turn.
    places.sort_by_key(|&[v, u]| (u + v, if (u + v) % 2 == 0 { u } else { v }));
    let mut block = [0; 64];
    for (coefficient, &[v, u]) in block.iter_mut().zip(&places) {
        let mut sum = 0.0;
        for (y, line) in samples.iter().enumerate() {
            for (x, sample) in line.iter().enumerate() {
                sum += sample * waves[y][v] * waves[x][u];
            }
        }
        *coefficient = (sum / factor).round() as i32;
    }
    block
}

struct Code {
    counts: [u8; 16],
    symbols: Vec<u8>,
    /// By symbol: the word and its length.
    words: Vec<(u32, u32)>,
}

impl Code {
    /// Of the first coefficients (0) or of the others (1).
    fn new(codes: Codes, kind: usize) -> Code {
        let mut counts = [0; 16];
        let symbols: Vec<u8> = match (codes, kind) {
            (Codes::Standard, kind) => {
                let (standard, symbols) = standard(kind);
                counts = standard;
                symbols
            }
            (_, 0) => (0..=11).collect(),
            // All symbols, an odd number apart: the ends of blocks and the shortest runs are among
            // the first, which `Long` gives short words.
            (_, _) => (0..=255u8).map(|place| place.wrapping_mul(0x11)).collect(),
        };
        let symbols: Vec<u8> = match (codes, kind) {
            (Codes::Flat, 0) => {
                counts[3] = 12;
                symbols
            }
            (Codes::Flat, _) => {
                counts[7] = 250;
                counts[8] = 6;
                symbols
            }
            (Codes::Long, kind) => {
                let short = if kind == 0 { 5 } else { 7 };
                counts[..short].fill(1);
                counts[15] = (symbols.len() - short) as u8;
                symbols
            }
            (Codes::Standard, _) => symbols,
        };
        let mut words = vec![(0, 0); 256];
        let (mut word, mut place) = (0, 0);
        for length in 1..=16 {
            for _ in 0..counts[length as usize - 1] {
                words[usize::from(symbols[place])] = (word, length);
                word += 1;
                place += 1;
            }
            word <<= 1;
        }
        Code {
            counts,
            symbols,
            words,
        }
    }
}

/// The codes of annex K for luma.
fn standard(kind: usize) -> ([u8; 16], Vec<u8>) {
    if kind == 0 {
        let counts = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
        return (counts, (0..12).collect());
    }
    let short = [
        0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61,
        0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52,
        0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72, 0x82,
    ];
    // All others, in rising order, have words of 16 bits.
    let mut symbols = short.to_vec();
    for run in 0..16u8 {
        for size in 1..=10u8 {
            let symbol = run << 4 | size;
            if !short.contains(&symbol) {
                symbols.push(symbol);
            }
        }
    }
    ([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], symbols)
}

/// Bits of a scan.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    dc: &'a Code,
    ac: &'a Code,
    held: u64,
    count: u32,
    predictions: [i32; 4],
    /// Blocks whose end is not written yet, and the bits that follow it.
    run: u32,
    corrections: Vec<u32>,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Vec<u8>, dc: &'a Code, ac: &'a Code) -> Self {
        Writer {
            out,
            dc,
            ac,
            held: 0,
            count: 0,
            predictions: [0; 4],
            run: 0,
            corrections: Vec::new(),
        }
    }

    fn bits(&mut self, bits: u32, count: u32) {
        self.held = self.held << count | u64::from(bits) & ((1 << count) - 1);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
        }
    }

    fn symbol(&mut self, symbol: u8) {
        let (word, length) = self.ac.words[usize::from(symbol)];
        assert!(length > 0, "the code has no symbol {symbol:#x}");
        self.bits(word, length);
    }

    /// A value's bits, as many as its size.
    fn value(&mut self, value: i32, size: u32) {
        self.bits((if value < 0 { value - 1 } else { value }) as u32, size);
    }

    fn first(&mut self, value: i32, part: usize) {
        let difference = value - self.predictions[part];
        self.predictions[part] = value;
        let size = size(difference);
        let (word, length) = self.dc.words[size as usize];
        self.bits(word, length);
        self.value(difference, size);
    }

    fn band(&mut self, block: &[i32; 64], [start, end]: [usize; 2], low: u8, runs: bool) {
        let mut zeros = 0;
        for coefficient in &block[start..=end] {
            // Towards zero, as T.81 has it.
            let value = coefficient / (1 << low);
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.end_run();
            while zeros > 15 {
                self.symbol(0xF0);
                zeros -= 16;
            }
            let size = size(value);
            self.symbol((zeros as u8) << 4 | size as u8);
            self.value(value, size);
            zeros = 0;
        }
        if zeros > 0 {
            if runs {
                self.run += 1;
                if self.run == 0x7FFF {
                    self.end_run();
                }
            } else {
                self.symbol(0);
            }
        }
    }

    fn refine(&mut self, block: &[i32; 64], [start, end]: [usize; 2], low: u8) {
        let magnitudes: Vec<u32> = block.iter().map(|c| c.unsigned_abs() >> low).collect();
        let last_new = (start..=end).rev().find(|&number| magnitudes[number] == 1);
        let mut zeros = 0;
        let mut corrections = Vec::new();
        for number in start..=end {
            if magnitudes[number] == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && last_new.is_some_and(|last| number <= last) {
                self.end_run();
                self.symbol(0xF0);
                zeros -= 16;
                corrections.drain(..).for_each(|bit| self.bits(bit, 1));
            }
            if magnitudes[number] > 1 {
                corrections.push(magnitudes[number] & 1);
                continue;
            }
            self.end_run();
            self.symbol(zeros << 4 | 1);
            self.bits(u32::from(block[number] > 0), 1);
            corrections.drain(..).for_each(|bit| self.bits(bit, 1));
            zeros = 0;
        }
        if zeros > 0 || !corrections.is_empty() {
            self.run += 1;
            self.corrections.append(&mut corrections);
            if self.run == 0x7FFF || self.corrections.len() > 900 {
                self.end_run();
            }
        }
    }

    fn end_run(&mut self) {
        if self.run > 0 {
            let size = self.run.ilog2();
            self.symbol((size as u8) << 4);
            self.bits(self.run, size);
            self.run = 0;
            let corrections = std::mem::take(&mut self.corrections);
            corrections.into_iter().for_each(|bit| self.bits(bit, 1));
        }
    }

    fn finish(&mut self) {
        self.end_run();
        if self.count > 0 {
            self.bits(0x7F, 8 - self.count);
        }
    }
}

fn size(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}
