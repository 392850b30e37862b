"""How the site reaches its readers: an archive that is the same every time, an address, a citation, a workflow."""

import re
import struct
import tomllib
import xml.etree.ElementTree as ET
import zipfile

import inputs
import pytest
import yaml
from capsite import address
from conftest import ROOT, load_script

archive = load_script(ROOT / "scripts" / "archive.py")


def test_an_archive_of_the_same_site_has_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "_static").mkdir(parents=True)
        order = ["index.html", "_static/a.js", "b.html"]
        for file in order if name == "one" else reversed(order):
            (tmp_path / name / file).write_text(file)
        (tmp_path / name / "b.html").chmod(0o600)
        (tmp_path / f"out-{name}").mkdir()
        assert archive.pack(tmp_path / name, tmp_path / f"out-{name}" / "site-v1.zip") == 3
    packed = tmp_path / "out-one" / "site-v1.zip"
    assert packed.read_bytes() == (tmp_path / "out-two" / "site-v1.zip").read_bytes()
    with zipfile.ZipFile(packed) as opened:
        assert opened.namelist() == ["site-v1/_static/a.js", "site-v1/b.html", "site-v1/index.html"]
        assert opened.read("site-v1/b.html") == b"b.html"
    assert [path.name for path in (tmp_path / "out-one").iterdir()] == ["site-v1.zip"]


def test_what_is_no_site_is_not_packed(tmp_path, capsys):
    assert archive.main([str(tmp_path / "out.zip"), str(tmp_path)]) == 1
    assert "expected a built site" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert archive.main([]) == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ""),
        ("  ", ""),
        ("https://example.org/capmodel", "https://example.org/capmodel/"),
        ("https://example.org/capmodel/", "https://example.org/capmodel/"),
    ],
)
def test_the_address_of_the_site_ends_with_a_slash(given, expected):
    assert inputs.site_address({inputs.SITE: given}) == expected
    assert inputs.site_address({}) == ""


@pytest.mark.parametrize("given", ["example.org", "file:///tmp", 'https://example.org/"><script>'])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ValueError, match=r"CAPMODEL_SITE_URL: got .*expected an address that begins with https"):
        inputs.site_address({inputs.SITE: given})


def test_the_card_is_a_picture_of_the_size_that_links_show(site):
    png = address.card(site, "capmodel")
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (1200, 630)


def test_a_site_is_called_by_its_title():
    class Named:
        project, html_title = "Project name not set", "capmodel"

    assert address.name(Named) == "capmodel"


def test_the_first_page_says_what_it_answers(site):
    (said,) = re.findall(r'<meta [^>]*name="description"[^>]*>', (site / "index.html").read_text())
    assert "a SPIRE deployment needs" in said


def test_a_site_without_an_address_names_none(site):
    if inputs.site_address():
        locations = [one.text for one in ET.parse(site / "sitemap.xml").iter("{*}loc")]
        assert inputs.site_address() + "index.html" in locations
        assert (site / address.CARD).is_file()
        assert 'property="og:site_name" content="capmodel"' in (site / "index.html").read_text()
    else:
        assert not (site / "sitemap.xml").exists()
        assert "og:" not in (site / "index.html").read_text()


def test_the_citation_is_whole_and_of_this_version():
    """The keys that the Citation File Format 1.2.0 requires, and those that have to agree with the package."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert all({"name"} <= author.keys() or {"family-names"} <= author.keys() for author in citation["authors"])
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["repository-code"] == project["urls"]["Source"]
    assert citation["type"] in ("software", "dataset")


def test_the_workflow_publishes_what_was_tested():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    for job in ("publish", "release"):
        assert set(jobs[job]["needs"]) == {"test", "package"}, job
    versions = {one["versions"] for one in jobs["package"]["strategy"]["matrix"]["include"]}
    assert versions == {"current", "lowest"}
    assert any("scripts/test_package.sh" in step.get("run", "") for step in jobs["package"]["steps"])
    commands = [step.get("run", "") for step in jobs["test"]["steps"]]
    assert "make test" in commands
    assert any(re.match(r"python scripts/archive\.py ", command) for command in commands)
    assert jobs["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert jobs["release"]["permissions"] == {"contents": "write"}
