"""Pictures of every kind become upright RGB, or a clear reason why not."""

import io
import os
import struct
import tempfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cardscanner import pictures
from cardscanner.errors import InputError
from cardscanner.pictures import read_picture

RGB = np.random.default_rng(3).integers(0, 256, (24, 36, 3), dtype=np.uint8)
SMOOTH = cv2.resize(np.random.default_rng(4).integers(0, 256, (3, 4, 3), dtype=np.uint8), (48, 32))


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_picture(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def with_orientation(upright: np.ndarray, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """Store a picture as a camera held that way would."""
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return Image.fromarray(np.ascontiguousarray(stored)), exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_all_eight_exif_orientations_give_the_same_upright_picture(tmp_path, suffix, orientation):
    image, exif = with_orientation(RGB, orientation)
    path = tmp_path / f"a{suffix}"
    image.save(path, exif=exif, lossless=True)
    np.testing.assert_array_equal(read_picture(path), RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_is_the_upright_one_up_to_compression(tmp_path, orientation):
    image, exif = with_orientation(SMOOTH, orientation)
    image.save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    read = read_picture(tmp_path / "a.jpg")
    assert read.shape == SMOOTH.shape
    assert np.abs(read.astype(int) - SMOOTH).mean() < 3


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_leaves_the_picture_alone(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), RGB)


def checked(path: Path) -> np.ndarray:
    read = read_picture(path)
    assert read.dtype == np.uint8
    assert read.ndim == 3
    assert read.shape[2] == 3
    assert read.flags.c_contiguous
    assert read.flags.writeable
    return read


def test_rgb_png_comes_back_bit_for_bit(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.PNG")
    np.testing.assert_array_equal(checked(tmp_path / "a.PNG"), RGB)


def test_grey_becomes_three_equal_channels(tmp_path):
    Image.fromarray(RGB[..., 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(checked(tmp_path / "a.png"), RGB[..., :1].repeat(3, axis=2))


def test_black_and_white_becomes_0_and_255(tmp_path):
    bits = RGB[..., 0] > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    np.testing.assert_array_equal(checked(tmp_path / "a.png")[..., 1], bits * 255)


def test_a_palette_becomes_its_colours(tmp_path):
    image = Image.new("P", (4, 2), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(tmp_path / "a.png")
    assert (checked(tmp_path / "a.png") == (10, 200, 30)).all()


def test_sixteen_bit_grey_keeps_its_tones(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    np.testing.assert_array_equal(checked(tmp_path / "a.png")[..., 2], ramp >> 8)


def test_sixteen_bit_colour_keeps_its_tones(tmp_path):
    deep = RGB.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "a.png"), deep[:, :, ::-1])
    np.testing.assert_array_equal(checked(tmp_path / "a.png"), RGB)


def test_a_cmyk_jpeg_becomes_rgb(tmp_path):
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / "a.jpg", quality=95)
    red, green, blue = checked(tmp_path / "a.jpg")[8, 8].astype(int)
    assert red < 40
    assert green > 150
    assert blue > 150


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGBA", (4, 4), (200, 0, 0, 0)),
        Image.new("LA", (4, 4), (0, 0)),
    ],
    ids=["RGBA", "LA"],
)
def test_what_is_transparent_shows_white_whatever_colour_hides_there(tmp_path, image):
    image.save(tmp_path / "a.png")
    assert (checked(tmp_path / "a.png") == 255).all()


def test_half_transparent_is_half_white_and_opaque_stays(tmp_path):
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    image.putpixel((1, 0), (200, 0, 0, 128))
    for suffix in (".png", ".webp"):
        image.save(tmp_path / f"a{suffix}", lossless=True)
        read = checked(tmp_path / f"a{suffix}")
        assert read[0, 0].tolist() == [200, 0, 0]
        assert np.abs(read[0, 1].astype(int) - [227, 127, 127]).max() <= 1


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_transparent_colour_shows_white_too(tmp_path, mode):
    image = Image.new(mode, (4, 4), {"P": 1, "RGB": (1, 2, 3), "L": 7}[mode])
    if mode == "P":
        image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(tmp_path / "a.png", transparency={"P": 1, "RGB": (1, 2, 3), "L": 7}[mode])
    assert (checked(tmp_path / "a.png") == 255).all()


def test_an_animation_gives_its_first_picture(tmp_path):
    frames = [Image.fromarray(np.roll(RGB, number, axis=1)) for number in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(checked(tmp_path / "a.webp"), RGB)


def test_the_content_decides_and_not_the_name(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(checked(tmp_path / "a.jpg"), RGB)


def test_a_missing_file_says_so(tmp_path):
    assert "there is no such file" in refused(tmp_path / "none.jpg")


def test_an_empty_file_says_so(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert "the file is empty" in refused(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "content",
    [
        b"not a picture\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"GIF89a",
        b"\x89PNG",
        b"\xff\xd8\xff",
    ],
    ids=["text", "PostScript", "GIF", "PNG head", "JPEG head"],
)
def test_what_is_no_picture_of_ours_says_which_formats_are(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    assert "JPEG, PNG, WebP; HEIC with pillow-heif" in refused(tmp_path / "a.jpg")


def test_a_format_that_pillow_knows_and_we_do_not_is_refused(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.bmp")
    assert "not a picture in a format that we read" in refused(tmp_path / "a.bmp")


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_truncated_file_is_refused_and_never_half_grey(tmp_path, suffix, kept):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    refused(path)


def test_a_folder_with_a_picture_name_is_refused(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    assert "Is a directory" in refused(tmp_path / "a.jpg")


def test_a_file_that_may_not_be_read_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        Image.fromarray(RGB).save(path)
        path.chmod(0)
        if os.geteuid() != 0:
            assert "Permission denied" in refused(path)
            return
        os.seteuid(65534)  # root may read everything; nobody may not
        try:
            assert "Permission denied" in refused(path)
        finally:
            os.seteuid(0)


def test_a_hundred_megapixels_are_refused_before_they_are_decoded(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (10_000, 10_000)).save(path)
    assert "10000 x 10000 = 100 megapixels; the limit is 80" in refused(path)


def test_a_picture_that_claims_a_gigapixel_is_refused_from_its_head_alone(tmp_path):
    path = tmp_path / "a.png"
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    chunks = [struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
              for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))]  # fmt: skip
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert "80 megapixels: scale the picture down" in refused(path)


def test_a_picture_too_wide_to_be_warped_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (pictures.MAX_SIDE_PX + 1, 10)).save(path)
    assert "32000 pixels a side" in refused(path)
    Image.new("L", (pictures.MAX_SIDE_PX, 10)).save(path)
    assert checked(path).shape == (10, 32_000, 3)


@pytest.mark.skipif(
    pictures.importlib.util.find_spec("pillow_heif") is not None, reason="pillow-heif is there"
)
@pytest.mark.parametrize("name", ["a.heic", "a.HEIF"])
def test_heic_without_its_package_says_what_to_install(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
    assert "pip install pillow-heif" in refused(tmp_path / name)


def encoded() -> dict[str, bytes]:
    """One small file of each kind, with all the extras that parsers can stumble over."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    kinds = {}
    for name, image, options in (
        ("a.jpg", Image.fromarray(RGB), {"exif": exif}),
        ("progressive.jpg", Image.fromarray(RGB), {"progressive": True}),
        ("cmyk.jpg", Image.fromarray(RGB).convert("CMYK"), {}),
        ("a.png", Image.fromarray(RGB), {"exif": exif, "icc_profile": b"abc" * 20}),
        ("palette.png", Image.fromarray(RGB).convert("P"), {"transparency": 0}),
        ("deep.png", Image.fromarray(RGB[..., 0].astype(np.uint16) * 257), {}),
        ("a.webp", Image.fromarray(RGB), {"exif": exif}),
    ):
        stream = io.BytesIO()
        image.save(stream, {"jpg": "JPEG", "png": "PNG", "ebp": "WEBP"}[name[-3:]], **options)
        kinds[name] = stream.getvalue()
    return kinds


ENCODED = encoded()


def with_true_checksums(content: bytes) -> bytes:
    """Mend the checksums of a damaged PNG, so that the damage reaches the parser."""
    whole, place = bytearray(content), 8
    while place + 12 <= len(whole):
        (length,) = struct.unpack_from(">I", whole, place)
        if place + 12 + length > len(whole):
            break
        struct.pack_into(">I", whole, place + 8 + length, zlib.crc32(whole[place + 4 : place + 8 + length]))
        place += 12 + length
    return bytes(whole)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_a_picture_or_an_input_error_and_nothing_else(tmp_path, data):
    name = data.draw(st.sampled_from(sorted(ENCODED)))
    content = bytearray(ENCODED[name])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content) - 1, data.draw(st.sampled_from([60, 300, 10**6])))))
        what = data.draw(st.sampled_from(["set", "cut", "insert"]))
        if what == "set":
            content[place] = data.draw(st.integers(0, 255))
        elif what == "cut":
            del content[place : place + data.draw(st.sampled_from([1, 4, 50]))]
        else:
            content[place:place] = data.draw(st.binary(min_size=1, max_size=8))
        content = content or bytearray(b"x")
    path = tmp_path / name
    path.write_bytes(
        with_true_checksums(content) if name.endswith("png") and data.draw(st.booleans()) else content
    )
    try:
        checked(path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right


def test_exif_data_that_cannot_be_read_do_not_cost_the_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(SMOOTH).save(stream, "JPEG", exif=exif)
    content = bytearray(stream.getvalue())
    place = content.index(b"Exif\0\0") + 6 + 8 + 2 + 2  # the type of the first entry
    content[place : place + 2] = b"\xff\xff"
    (tmp_path / "a.jpg").write_bytes(content)
    assert checked(tmp_path / "a.jpg").shape == SMOOTH.shape
