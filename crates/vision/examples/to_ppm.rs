//! Decodes photos as museau does and writes them as PPM, for comparing with other programs:
//! `to_ppm FOLDER FILE...` writes FOLDER/0.ppm, FOLDER/1.ppm ... and prints a line for each.
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = std::path::PathBuf::from(arguments.next().expect("a folder"));
    for (index, path) in arguments.enumerate() {
        let bytes = std::fs::read(&path)?;
        let start = Instant::now();
        let decoded = vision::decode(&bytes, &vision::Limits::default());
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        match decoded {
            Ok(photo) => {
                println!(
                    "{index}\t{path}\tok\t{milliseconds:.1}\t{:?}",
                    photo.found()
                );
                let mut file =
                    format!("P6 {} {} 255\n", photo.width(), photo.height()).into_bytes();
                file.extend_from_slice(photo.rgb());
                std::fs::write(folder.join(format!("{index}.ppm")), file)?;
            }
            Err(error) => println!(
                "{index}\t{path}\t{}\t{milliseconds:.1}\t{error}",
                error.kind()
            ),
        }
    }
    Ok(())
}
