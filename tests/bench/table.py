"""What a job gives back: rows of one table, and how they are judged and printed."""
import statistics


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def number(value):
    if value >= 1000:
        return "{:,.0f}".format(value)
    return "%.1f" % value if value >= 100 else "%.3g" % value


def spread(values):
    """Median (min - max)."""
    if not values:
        return "-"
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else "%s (%s - %s)" % (middle, number(min(values)), number(max(values)))


class Row:
    """One line of the table. `own` and `floor` are one figure for each run, in `unit`.

    bar: ("ratio" | "value", ">=" | "<=", least or most, stretch or None). A ratio is that of the medians, own / floor: where the unit
    is a time a bar says so with <=, where it is a rate with >=.
    """

    def __init__(self, job, unit, own, floor=(), bar=None, note=""):
        self.job, self.unit, self.own, self.floor, self.bar, self.note = job, unit, list(own), list(floor), bar, note

    def ratio(self):
        if not self.own or not self.floor:
            return None
        return statistics.median(self.own) / statistics.median(self.floor)

    def judged(self):
        """None where there is no bar; else whether it is met, and whether the stretch is."""
        if self.bar is None or not self.own:
            return None
        kind, way, limit, stretch = self.bar
        value = self.ratio() if kind == "ratio" else statistics.median(self.own)
        good = (lambda bound: value >= bound) if way == ">=" else (lambda bound: value <= bound)
        return good(limit), stretch is not None and good(stretch)

    def bar_words(self):
        if self.bar is None:
            return ""
        kind, way, limit, stretch = self.bar
        words = "%s %s%s" % (way, number(limit), " x floor" if kind == "ratio" else "")
        if stretch is not None:
            words += " (%s)" % number(stretch)
        met, more = self.judged() or (False, False)
        return words + (": stretch met" if more else ": met" if met else ": MISSED" if self.own else ": not measured")

    def cells(self):
        ratio = self.ratio()
        return [self.job, self.unit, spread(self.own), spread(self.floor), "" if ratio is None else "%.2f" % ratio, self.bar_words(), self.note]

    def as_json(self):
        return {"job": self.job, "unit": self.unit, "own": self.own, "floor": self.floor, "ratio": self.ratio(), "bar": self.bar,
                "judged": self.judged(), "note": self.note}


HEAD = ["job", "unit", "gossipd", "beside it", "ratio", "bar (stretch)", "note"]


def markdown(rows):
    """Aligned, and ready to be pasted."""
    lines = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    out = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    out.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(out)
