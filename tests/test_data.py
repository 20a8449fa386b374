"""Data: do the sets follow their equations, and is every damaged file named?"""

import gzip
import hashlib
import re
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dlcore import data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
NAMES = list(data.FASHION_MNIST)
debian = pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")


def generator(seed=0):
    return np.random.default_rng(seed)


def test_a_polynomial_without_noise_is_the_polynomial():
    x, t = data.noisy_polynomial(100, generator(), (1, -2, 0, 4), noise=0, low=-3, high=2)
    np.testing.assert_allclose(t, 1 - 2 * x + 4 * x**3, rtol=1e-12, atol=1e-12)
    assert x.shape == t.shape == (100,) and -3 <= x.min() < -2.5 and 1.5 < x.max() <= 2


def test_the_noise_of_a_polynomial_has_the_spread_asked_for():
    x, t = data.noisy_polynomial(20_000, generator(), (0, 1), noise=0.3)
    assert abs(np.std(t - x) - 0.3) < 5 * 0.3 / np.sqrt(2 * 20_000)
    assert abs(np.mean(t - x)) < 5 * 0.3 / np.sqrt(20_000)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_spirals_without_noise_lie_on_their_arms(classes):
    x, labels = data.spirals(60, generator(), noise=0, turns=1.5, classes=classes)
    r = np.hypot(x[:, 0], x[:, 1])
    phi = 2 * np.pi * (1.5 * r + labels / classes)
    np.testing.assert_allclose(x, np.stack([r * np.cos(phi), r * np.sin(phi)], axis=1), atol=1e-12)
    np.testing.assert_array_equal(labels, np.arange(60) % classes)


def test_moons_without_noise_lie_on_their_circles():
    x, labels = data.moons(100, generator(), noise=0)
    outer, inner = x[labels == 0], x[labels == 1]
    np.testing.assert_allclose(np.hypot(*outer.T), 1)
    np.testing.assert_allclose(np.hypot(*(inner - [1, 0.5]).T), 1)
    assert (outer[:, 1] >= 0).all() and (inner[:, 1] <= 0.5).all()
    assert np.bincount(labels).tolist() == [50, 50]


def test_the_bank_has_scales_correlation_imbalance_and_columns_as_documented():
    x, labels = data.bank(50_000, generator())
    assert x.shape == (50_000, len(data.BANK_FEATURES)) and set(labels) == {0, 1}
    assert 0.18 < labels.mean() < 0.22
    age, income, balance, tenure, products, active = x.T
    z_2, z_3, z_4 = np.log(income / 42_000) / 0.5, np.log(balance / 8_000) / 1.2, np.log(tenure / 60) / 0.6
    inside = (age > 18) & (age < 95)
    z = np.stack([(age - 40) / 11, z_2, z_3, z_4])
    C = [[1.0, 0.6, 0.2], [0.6, 1.0, 0.3], [0.2, 0.3, 1.0]]
    np.testing.assert_allclose(np.cov(z[1:]), C, atol=0.03)
    np.testing.assert_allclose(np.corrcoef(z)[0], [1, 0.4, 0.5, 0.6], atol=0.03)
    assert inside.mean() > 0.95 and age.min() == 18 and age.max() <= 95
    assert set(products) == {1, 2, 3, 4} and set(active) == {0, 1}
    assert x.std(axis=0).max() / x.std(axis=0).min() > 1e4


def test_the_banks_labels_are_drawn_with_the_documented_probability():
    x, labels = data.bank(50_000, generator(1))
    age, income, balance, tenure, products, active = x.T
    inside = (age > 18) & (age < 95)
    logit = -1.6 + 1.2 * (age - 40) / 11 - 0.3 * np.log(income / 42_000) / 0.5
    logit += 0.5 * np.log(balance / 8_000) / 1.2 - 0.9 * np.log(tenure / 60) / 0.6
    logit += 0.8 * (products - 2) ** 2 - 1.2 * active
    p = 1 / (1 + np.exp(-logit))
    for low in np.arange(0, 1, 0.1):
        bin_ = inside & (p >= low) & (p < low + 0.1)
        sigma = np.sqrt(np.sum(p[bin_] * (1 - p[bin_]))) / bin_.sum()
        assert abs(labels[bin_].mean() - p[bin_].mean()) < 5 * sigma


MAKERS = [data.noisy_polynomial, data.spirals, data.moons, data.bank]


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_generator_gives_the_same_data_and_a_seed_is_none(make):
    for a, b in zip(make(20, generator(3)), make(20, generator(3))):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(make(20, generator(3))[0], make(20, generator(4))[0])
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        make(20, 0)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        make(0, generator())


@pytest.mark.parametrize("make", MAKERS[:3])
def test_negative_noise_is_refused(make):
    with pytest.raises(ValueError, match="noise must be at least 0, got -0.1"):
        make(20, generator(), noise=-0.1)


def test_settings_that_make_no_data_are_refused():
    with pytest.raises(ValueError, match="high must be above 2, got 1"):
        data.noisy_polynomial(5, generator(), low=2, high=1)
    with pytest.raises(ValueError, match="coefficients must not be empty"):
        data.noisy_polynomial(5, generator(), ())
    with pytest.raises(ValueError, match="classes must be at least 2, got 1"):
        data.spirals(5, generator(), classes=1)


def test_fashion_has_the_promised_shapes_kinds_and_balance():
    images = data.fashion()
    assert images.x_train.shape == (6000, 1, 28, 28) and images.x_test.shape == (1000, 1, 28, 28)
    assert images.x_train.dtype == np.float64 and images.y_train.dtype == np.intp
    assert images.x_train.min() == images.x_test.min() == 0
    assert images.x_train.max() == images.x_test.max() == 1
    for labels in (images.y_train, images.y_test):
        blocks = np.sort(labels.reshape(-1, 10), axis=1)
        np.testing.assert_array_equal(blocks, np.broadcast_to(np.arange(10), blocks.shape))
    assert len(data.FASHION_NAMES) == 10


@pytest.mark.parametrize("n", [1, 7, 250])
def test_fewer_images_are_the_first_ones_and_the_test_set_stays(n):
    few, more = data.fashion(n), data.fashion(500)
    np.testing.assert_array_equal(few.x_train, more.x_train[:n])
    np.testing.assert_array_equal(few.y_train, more.y_train[:n])
    np.testing.assert_array_equal(few.x_test, more.x_test)


def test_float32_images_are_the_same_grey_values():
    single, double = data.fashion(50, dtype=np.float32), data.fashion(50)
    assert single.x_train.dtype == single.x_test.dtype == np.float32
    np.testing.assert_array_equal(np.round(single.x_train * 255), np.round(double.x_train * 255))


def test_wrong_numbers_and_dtypes_of_images_are_refused():
    for n in (0, 6001):
        with pytest.raises(ValueError, match=f"n must be between 1 and 6000, got {n}"):
            data.fashion(n)
    for dtype in (np.uint8, int, "no dtype"):
        with pytest.raises(TypeError, match="dtype must be a float dtype"):
            data.fashion(10, dtype=dtype)
        with pytest.raises(TypeError, match="dtype must be a float dtype"):
            data.idx_images(data.SUBSET_FOLDER, dtype=dtype)


def test_the_packaged_files_have_their_checksums_carry_a_licence_and_no_time_and_are_small():
    for name, digest in data.FASHION_SUBSET.items():
        packed = (data.SUBSET_FOLDER / f"{name}.gz").read_bytes()
        assert packed[4:8] == bytes(4)
        assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == digest
    assert "2017 Zalando SE" in (data.SUBSET_FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in data.SUBSET_FOLDER.iterdir()) < 4e6


@debian
def test_the_program_in_the_readme_draws_the_packaged_subset_from_debians_full_set(tmp_path, monkeypatch):
    readme = (data.SUBSET_FOLDER / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    (tmp_path / "dlcore" / "fashion_mnist").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "README.md", "exec"), {})
    for name in NAMES:
        drawn = gzip.decompress((tmp_path / "dlcore" / "fashion_mnist" / f"{name}.gz").read_bytes())
        assert drawn == gzip.decompress((data.SUBSET_FOLDER / f"{name}.gz").read_bytes())


@debian
def test_every_packaged_image_is_in_debians_set_with_its_label_and_debians_checksums_are_ours():
    full = data.idx_images(DEBIAN, data.FASHION_MNIST, dtype=np.float16)
    assert full.x_train.shape == (60_000, 1, 28, 28) and full.x_test.shape == (10_000, 1, 28, 28)
    subset = data.fashion(dtype=np.float16)
    for x, y, full_x, full_y in [
        (subset.x_train, subset.y_train, full.x_train, full.y_train),
        (subset.x_test, subset.y_test, full.x_test, full.y_test),
    ]:
        known = {(image.tobytes(), int(label)) for image, label in zip(full_x, full_y)}
        assert all((image.tobytes(), int(label)) in known for image, label in zip(x, y))


IMAGES = {
    "train": np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4),
    "t10k": np.full((1, 3, 4), 255, np.uint8),
}
LABELS = {"train": np.array([3, 9], np.uint8), "t10k": np.array([0], np.uint8)}


def idx(a, magic=None, shape=None):
    shape = a.shape if shape is None else shape
    return struct.pack(f">{1 + a.ndim}I", magic or 0x0800 + a.ndim, *shape) + a.tobytes()


@pytest.fixture
def folder(tmp_path):
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(IMAGES[part]))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(LABELS[part]))
    return tmp_path


def test_plain_files_are_read_as_written(folder):
    images = data.idx_images(str(folder))
    np.testing.assert_array_equal(images.x_train, IMAGES["train"][:, None] / 255)
    np.testing.assert_array_equal(images.y_train, [3, 9])
    assert images.x_test.shape == (1, 1, 3, 4) and (images.x_test == 1).all()
    assert images.y_test.tolist() == [0]


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("named_gz", [False, True])
def test_all_usual_names_are_found_and_compression_is_told_by_the_content(folder, dot, packed, named_gz):
    expected = data.idx_images(folder)
    for name in NAMES:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        new = (name.replace("-idx", ".idx") if dot else name) + (".gz" if named_gz else "")
        (folder / new).write_bytes(gzip.compress(content) if packed else content)
    for a, b in zip(data.idx_images(folder), expected):
        np.testing.assert_array_equal(a, b)


def damage(folder, name, content):
    (folder / name).write_bytes(content)


def refused(folder, name, rule, error=ValueError, checksums=None, **settings):
    with pytest.raises(error) as refusal:
        data.idx_images(folder, checksums, **settings)
    message = str(refusal.value)
    assert message.startswith(str(folder / name)) and rule in message
    assert "apt install dataset-fashion-mnist" in message and "://" not in message


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named_with_the_way_to_get_it(folder, name):
    (folder / name).unlink()
    refused(folder, name, "is missing", FileNotFoundError)


@pytest.mark.parametrize("name", NAMES)
def test_a_byte_too_few_or_too_many_and_a_cut_header_are_refused(folder, name):
    content = (folder / name).read_bytes()
    for wrong in (content[:-1], content + b"\0"):
        damage(folder, name, wrong)
        refused(folder, name, "bytes after its header")
    for wrong in (content[:7], b""):
        damage(folder, name, wrong)
        refused(folder, name, "must have a header of")


def test_another_magic_number_an_empty_set_and_absurd_sizes_are_refused(folder):
    name = "train-images-idx3-ubyte"
    damage(folder, name, idx(IMAGES["train"], magic=2049))
    refused(folder, name, "must start with the magic number 2051, got 2049")
    damage(folder, name, idx(IMAGES["train"], shape=(0, 3, 4)))
    refused(folder, name, "must not be empty, got the shape (0, 3, 4)")
    damage(folder, name, idx(IMAGES["train"], shape=(2**32 - 1,) * 3))
    refused(folder, name, f"must hold {(2**32 - 1) ** 3} bytes")
    damage(folder, name, b"<!DOCTYPE html><html>not found</html>")
    refused(folder, name, "must start with the magic number 2051")


def test_images_and_labels_that_do_not_belong_together_are_refused(folder):
    name = "train-labels-idx1-ubyte"
    damage(folder, name, idx(np.array([1, 2, 3], np.uint8)))
    refused(folder, name, "must have a label for each of the 2 images of train-images-idx3-ubyte, got 3")
    damage(folder, name, idx(np.array([1, 10], np.uint8)))
    refused(folder, name, "must hold labels from 0 to 9, got 10 at index 1")
    refused(folder, name, "needs idx_images(..., classes=11) or more")


def test_sets_with_more_than_ten_classes_are_read_when_their_number_is_given(folder):
    name = "train-labels-idx1-ubyte"
    damage(folder, name, idx(np.array([1, 26], np.uint8)))  # EMNIST's letters begin at 1
    assert data.idx_images(folder, classes=27).y_train.tolist() == [1, 26]
    refused(folder, name, "must hold labels from 0 to 25, got 26 at index 1", classes=26)
    damage(folder, name, idx(np.array([0, 255], np.uint8)))
    assert data.idx_images(folder, classes=256).y_train.tolist() == [0, 255]
    for wrong in (1, 257):
        with pytest.raises(ValueError, match=f"classes must be between 2 and 256, got {wrong}"):
            data.idx_images(folder, classes=wrong)


def test_fewer_classes_than_ten_are_checked_too(folder):
    refused(folder, "train-labels-idx1-ubyte", "must hold labels from 0 to 8, got 9 at index 1", classes=9)


def test_test_images_of_another_size_are_refused(folder):
    damage(folder, "t10k-images-idx3-ubyte", idx(np.zeros((1, 4, 3), np.uint8)))
    refused(folder, "t10k-images-idx3-ubyte", "training images' size (3, 4), got (4, 3)")


def test_damaged_gzip_files_are_refused(folder):
    name = "train-images-idx3-ubyte"
    whole = gzip.compress((folder / name).read_bytes())
    flipped = bytearray(whole)
    flipped[-6] ^= 1
    no_such_block = bytearray(whole)
    no_such_block[10] |= 6
    for wrong in (whole[:-1], whole[:20], bytes(flipped), bytes(no_such_block), whole + b"more", whole[:3]):
        damage(folder, name, wrong)
        refused(folder, name, "must be an undamaged gzip file")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_compressed_twice_is_still_compressed_and_told_so(folder, name):
    content = (folder / name).read_bytes()
    damage(folder, name, gzip.compress(gzip.compress(content)))
    refused(folder, name, "its content is still compressed: a gzip file in a gzip file")
    right = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES}
    refused(folder, name, "its content is still compressed", checksums=right)


def test_a_zip_archive_in_a_files_place_is_named(folder):
    name = "train-images-idx3-ubyte"
    content = (folder / name).read_bytes()
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr(name, content)
    refused(folder, name, "must be an IDX file, got a zip archive. Unpack it")


@pytest.mark.parametrize("outer", ["-idx", ".idx"])
@pytest.mark.parametrize("inner, ending", [("-idx", ""), (".idx", ""), ("-idx", ".gz")])
def test_files_in_folders_of_their_own_names_are_found(folder, outer, inner, ending):
    expected = data.idx_images(folder)
    for name in NAMES:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name.replace("-idx", outer)).mkdir()
        path = folder / name.replace("-idx", outer) / (name.replace("-idx", inner) + ending)
        path.write_bytes(gzip.compress(content) if ending else content)
    for a, b in zip(data.idx_images(folder), expected):
        np.testing.assert_array_equal(a, b)


def test_a_folder_in_a_files_place_without_the_file_in_it_is_named(folder):
    name = "t10k-images-idx3-ubyte"
    (folder / name).unlink()
    (folder / name).mkdir()
    refused(folder, name, f"and {folder / name} is a folder without it", FileNotFoundError)
    (folder / f"{name}.gz").write_bytes(gzip.compress(idx(IMAGES["t10k"])))  # beside it is as good
    assert data.idx_images(folder).x_test.shape == (1, 1, 3, 4)


def test_checksums_are_checked_when_asked_for(folder):
    right = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES}
    data.idx_images(folder, right)
    name = "t10k-images-idx3-ubyte"
    damage(folder, name, idx(IMAGES["t10k"] - 1))
    data.idx_images(folder)
    refused(folder, name, f"must have the SHA-256 {right[name]}, got", checksums=right)
    with pytest.raises(ValueError, match="checksums must have the keys"):
        data.idx_images(folder, {name: right[name]})


def test_the_subset_is_not_taken_for_the_full_set(tmp_path):
    shutil.copytree(data.SUBSET_FOLDER, tmp_path, dirs_exist_ok=True)
    refused(tmp_path, "train-images-idx3-ubyte.gz", "SHA-256", checksums=data.FASHION_MNIST)


def test_a_polynomial_that_overflows_is_refused():
    with pytest.raises(ValueError, match="t, the polynomial's values with noise, must be finite"):
        data.noisy_polynomial(5, np.random.default_rng(0), coefficients=(0, 1e300, 1e300), low=1e8, high=1e9)
    with pytest.raises(ValueError, match="high - low must be finite, got inf"):
        data.noisy_polynomial(5, np.random.default_rng(0), low=-1e308, high=1e308)
