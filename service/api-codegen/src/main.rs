//! `cargo run -p cairn-api-codegen`: brings the generated code of `cairn-api` up to date with `proto/`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let files = cairn_api_codegen::generate()?;
    cairn_api_codegen::write(&files, &cairn_api_codegen::api_crate())?;
    Ok(())
}
