//! A text as a QR code, in a PNG.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};
use qrcodegen::{DataTooLong, QrCode, QrCodeEcc};
use zeroize::Zeroizing;

/// Light modules around the code (ISO/IEC 18004 section 6.3.8).
const QUIET_ZONE: i32 = 4;
/// Pixels along the side of a module: with one bit a pixel, a module of a row is a byte.
const MODULE: u32 = 8;
const DARK: u8 = 0x00;
const LIGHT: u8 = 0xff;

/// Why a text can't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum QrCodeError {
    /// It is longer than the largest code holds.
    #[error("the text is too long for a QR code")]
    TooLong(#[from] DataTooLong),
    /// The image could not be encoded.
    #[error("the image cannot be encoded")]
    Image(#[from] EncodingError),
}

/// Draw `text` in black on white, with a medium level of error correction.
///
/// # Errors
/// [`QrCodeError`].
pub(super) fn png(text: &str) -> Result<Zeroizing<Vec<u8>>, QrCodeError> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)?;
    let modules = -QUIET_ZONE..code.size() + QUIET_ZONE;
    let row = |y| modules.clone().map(move |x| (x, y));
    let shade = |(x, y)| if code.get_module(x, y) { DARK } else { LIGHT };

    let mut pixels = Zeroizing::new(Vec::new());
    for y in modules.clone() {
        for _ in 0..MODULE {
            pixels.extend(row(y).map(shade));
        }
    }
    let side = u32::try_from(modules.len()).unwrap_or(0) * MODULE;
    let mut png = Zeroizing::new(Vec::new());
    let mut encoder = Encoder::new(&mut *png, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a PNG as text, a line a row: `#` is dark.
    fn drawn(png: &[u8]) -> Vec<String> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(frame.width, frame.height);
        let width = usize::try_from(frame.width).unwrap();
        pixels
            .chunks(width)
            .map(|row| row.iter().map(|pixel| if *pixel == 0 { '#' } else { ' ' }).collect())
            .collect()
    }

    #[test]
    fn every_module_is_a_square_of_its_shade() {
        let text =
            "otpauth://totp/Watchword:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Watchword";
        let rows = drawn(&png(text).unwrap());
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let side = usize::try_from(code.size() + 2 * QUIET_ZONE).unwrap() * 8;
        assert_eq!(rows.len(), side);
        for (y, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), side);
            for (x, pixel) in row.chars().enumerate() {
                let module = |at: usize| i32::try_from(at / 8).unwrap() - QUIET_ZONE;
                let dark = code.get_module(module(x), module(y));
                assert_eq!(pixel == '#', dark, "pixel {x}, {y}");
            }
        }
    }

    #[test]
    fn a_text_that_no_code_holds_is_refused() {
        assert!(matches!(png(&"x".repeat(4000)), Err(QrCodeError::TooLong(_))));
    }
}
