"""Numbers of the findings, from the tables that lie beside them.

    python docs/findings/pages.py                        # write the numbers of all pages anew
    python docs/findings/pages.py config/strong.yaml     # take the tables of a finished study over first

A page says which numbers belong where, and what stands between the two lines is written from `data/<study>/`:

    <!-- claims: strong -->
    <!-- scores: strong strong; split=test, metric=accuracy; rows task, seeker; columns density -->
    <!-- end -->
"""

import re
import shutil
import sys
from pathlib import Path

from evotickets import intervals, results, study
from evotickets.claims import page as claims_page
from evotickets.claims import published
from evotickets.systems import registry as systems

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / "config"
BLOCK = re.compile(r"(<!-- (claims|scores): ([^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def number(value: float) -> str:
    """Return three significant digits, without the zero before the point and with a minus sign that is one."""
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"
    return text.replace("-", "−").replace("0.", ".", 1) if abs(value) < 1 else text.replace("-", "−")


def origin(name: str) -> str:
    """Say with what the tables of a study were made."""
    tables = sorted((HERE / "data" / name).glob("*.parquet"))
    heads = [results.read_metadata(path) for path in tables]
    codes = sorted({head["code"] for head in heads})
    libraries = ", ".join(
        f"{library} {heads[0]['libraries'][library]}" for library in ("jax", "evosax", "torch", "python")
    )
    return f"*`config/{name}.yaml`, {' and '.join(codes)}, {libraries}.*\n"


def rows(cells: list[list[str]]) -> str:
    """Return a Markdown table whose first row is its head."""
    head, *body = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([head, "|" + "---|" * len(cells[0]), *body]) + "\n"


def claims(name: str) -> str:
    """Return all claims that the tables of a study decide, and how many have which verdict."""
    found = published.again(study.load(CONFIGS / f"{name}.yaml"), HERE / "data" / name)
    asked = found[found["verdict"] != claims_page.NOT_ASKED]
    cells = [["claim", "statement", "effect", "interval", "seeds", "verdict"]]
    for row in asked.itertuples():
        between = f"{number(row.low)} to {number(row.high)}"
        cells.append([row.claim, row.statement, number(row.effect), between, str(row.n), row.verdict])
    return f"{rows(cells)}\n{claims_page.counts(found)}. {origin(name)}"


def scores(asked: str) -> str:
    """Return means over seeds with their 95 % intervals, a row for each value of some columns and a column for those of one."""
    (name, table), where, down, across = (part.split() for part in re.sub(r",", " ", asked).split(";"))
    path = HERE / "data" / name / f"{table}.parquet"
    for system in study.load(CONFIGS / f"{name}.yaml").sections:
        systems.tables(system)
    frame = results.read_table(path, schema=results.SCHEMAS[results.read_metadata(path)["schema"]])
    for condition in where:
        column, value = condition.split("=")
        frame = frame[frame[column].astype(str) == value]
    keys, column = down[1:], across[1]
    bounds = intervals.SHARE if frame["value"].between(0, 1).all() else intervals.ANYWHERE
    cells = [
        [*keys, *(f"{value:g}" if isinstance(value, float) else str(value) for value in sorted(frame[column].unique()))]
    ]
    for key, group in frame.groupby(keys, sort=True):
        row = [*map(str, key)]
        for value in sorted(frame[column].unique()):
            own = group[group[column] == value]
            if own.duplicated("seed").any():
                raise ValueError(
                    f"{asked}: {' '.join(row)} at {column} {value} has several values a seed; say more rows or conditions"
                )
            per_seed = own.set_index("seed")["value"]
            if len(per_seed) < 2:
                row.append(number(per_seed.iloc[0]) if len(per_seed) else "")
                continue
            mean, low, high = intervals.interval(per_seed.to_numpy(), bounds=bounds)
            row.append(f"{number(mean)} ({number(low)} to {number(high)})")
        cells.append(row)
    return f"{rows(cells)}\n{origin(name)}"


def written(text: str) -> str:
    """Return the text of a page with its numbers written anew."""
    kinds = {"claims": claims, "scores": scores}
    return BLOCK.sub(lambda block: f"{block[1]}\n{kinds[block[2]](block[3])}\n{block[4]}", text)


def take(config: Path) -> None:
    """Keep the tables of a finished study."""
    folder = HERE / "data" / config.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted((study.load(config).results / "tables").glob("*.parquet")):
        # Claims are decided from the other tables.
        if path.stem != "claims":
            shutil.copy(path, folder)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        take(Path(name))
    for path in sorted(HERE.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        path.write_text(written(text), encoding="utf-8")
