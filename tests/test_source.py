"""What none of our code does, read from its source: run texts, ask a shell, trust just anybody.

Each rule has the exact places where it may be broken, with the reason.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "bot", "core", "engine", "migrations", "sandbox", "training")

ALLOWED = {
    # PRAGMAs take no parameters; what stands in them is the database's own.
    ("core/database/connection.py", 'f"PRAGMA {pragma}"'),
    ("core/database/connection.py", 'f"PRAGMA user_version = {number}"'),
    # Migrations are files of this repository.
    ("core/database/connection.py", "statement"),
    # So are the statements of a deletion.
    ("core/database/journal_replay.py", "statement"),
    # Assignments and conditions stand in the same module; all values are parameters.
    ("core/database/job_updates.py", "sql"),
    # A table in the same module.
    ("core/database/personal_data.py", "sql"),
    # The names of tables and columns are those of the migrations.
    ("core/database/damage.py", 'f"SELECT 1 FROM {table} WHERE {damaged} LIMIT 1"'),
    (
        "core/database/damage.py",
        'f"UPDATE OR IGNORE {table} SET {nulls} WHERE {damaged} AND {complete}"',
    ),
    ("core/database/damage.py", 'f"DELETE FROM {table} WHERE {damaged}"'),
    # Knows tensors and modules, and refuses every other class: tests/engine/models.
    ("engine/models/checkpoints.py", "pickle.Unpickler"),
}

RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
ASKS_A_SHELL = {
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("asyncio.create_subprocess_shell", "commands.getoutput", "pty.spawn"),
}
TRUSTS_A_FILE = {
    *(f"{module}.{name}" for module in ("pickle", "dill", "marshal") for name in ("load", "loads")),
    *("pickle.Unpickler", "shelve.open", "torch.jit.load", "joblib.load", "yaml.unsafe_load"),
    *("yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all", "torch.hub.load"),
}
SAYS_HOW = {"Loader", "allow_pickle", "shell", "ssl", "verify", "weights_only"}
"""Parameters that decide whether a call is dangerous."""
TAKES_SQL = {"execute", "executemany", "executescript", "execute_fetchall"}


@dataclass(frozen=True)
class Fault:
    path: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code}"


def sources() -> dict[str, str]:
    """All our code, by its path in the repository."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}


def dangerous_calls(tree: ast.AST) -> Iterator[ast.AST]:
    """Calls that run texts or trust files, and classes that are built upon such."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(bases=bases):
                yield from (base for base in bases if ast.unparse(base) in TRUSTS_A_FILE)
            case ast.Call(func=ast.Name(id=name)) if name in RUNS_TEXT:
                yield node
            case ast.Call(func=func, keywords=keywords):
                name = _dotted(func)
                said = {w.arg: ast.unparse(w.value) for w in keywords if w.arg in SAYS_HOW}
                dangerous = (
                    name in ASKS_A_SHELL | TRUSTS_A_FILE
                    or said.get("shell", "False") != "False"
                    or "False" in (said.get("ssl"), said.get("verify"))
                    or (name == "torch.load" and said.get("weights_only") != "True")
                    or (name.endswith("np.load") and said.get("allow_pickle", "False") != "False")
                    or (name in ("yaml.load", "yaml.load_all") and "Safe" not in str(said))
                )
                if dangerous:
                    yield node


def _dotted(node: ast.expr) -> str:
    """`ast.unparse`, which is slow, for all but plain names."""
    parts = []
    whole = node
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return ".".join([node.id, *reversed(parts)])
    return ast.unparse(whole)


class Statements:
    """Which functions take SQL, and what is handed to them that is not written in the code."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self._trees = trees
        self._functions = [
            (path, function, _parameters(function), _named_calls(function))
            for path, tree in trees.items()
            for function in _functions(tree)
        ]
        self._written: set[str] = set()
        self._takers = {("", name): 0 for name in TAKES_SQL}
        while self._find_written():
            pass
        while self._find_takers():
            pass

    def made_of_values(self) -> Iterator[tuple[str, ast.expr]]:
        for path, function, parameters, calls in self._functions:
            handed_over = list(self._handed_over(path, calls))
            local = _locals(function) if handed_over else {}
            for sql in handed_over:
                handed_on = isinstance(sql, ast.Name) and sql.id in parameters
                if not handed_on and not self._is_written(sql, local, set()):
                    yield path, sql

    def _find_written(self) -> bool:
        """Constants of modules that are texts made of texts; whether another one was found."""
        known = len(self._written)
        for tree in self._trees.values():
            for node in tree.body:
                if isinstance(node, ast.Assign) and self._is_written(node.value, {}, set()):
                    names = (each.id for each in node.targets if isinstance(each, ast.Name))
                    self._written.update(names)
        return len(self._written) > known

    def _find_takers(self) -> bool:
        """Whoever hands a parameter on as SQL takes SQL; whether another one was found."""
        known = len(self._takers)
        for path, function, parameters, calls in self._functions:
            for sql in self._handed_over(path, calls):
                if isinstance(sql, ast.Name) and sql.id in parameters:
                    home = path if function.name.startswith("_") else ""
                    place = parameters.index(sql.id)
                    self._takers.setdefault((home, function.name), place)
        return len(self._takers) > known

    def _handed_over(self, path: str, calls: list[tuple[str, ast.Call]]) -> Iterator[ast.expr]:
        for name, call in calls:
            place = self._takers.get((path, name), self._takers.get(("", name)))
            if place is not None and len(call.args) > place:
                yield call.args[place]

    def _is_written(
        self, node: ast.expr, local: dict[str, list[ast.expr]], looking: set[str]
    ) -> bool:
        match node:
            case ast.Constant(value=str()):
                return True
            case ast.Call(func=ast.Name(id="query"), args=[name]):
                return self._is_written(name, local, looking)  # a file of core/database/queries
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return all(self._is_written(part, local, looking) for part in (left, right))
            case ast.IfExp(body=body, orelse=orelse):
                return all(self._is_written(part, local, looking) for part in (body, orelse))
            case ast.Name(id=name) if name in local and name not in looking:
                seen = looking | {name}
                return all(self._is_written(value, local, seen) for value in local[name])
            case ast.Name(id=name):
                return name in self._written
            case ast.JoinedStr(values=parts):
                return all(self._is_written(part, local, looking) for part in parts)
            case ast.FormattedValue(value=ast.Name(id=name), conversion=-1, format_spec=None):
                return name not in local and name in self._written
        return False


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _named_calls(function: Function) -> list[tuple[str, ast.Call]]:
    """All calls within, by the last part of the name of what is called."""
    return [
        (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id, node)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    ]


def _parameters(function: Function) -> list[str]:
    return [each.arg for each in function.args.args if each.arg not in ("self", "cls")]


def _locals(function: Function) -> dict[str, list[ast.expr]]:
    """All that is ever put into each name."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).append(value)
            case ast.For(target=ast.Name(id=name)) | ast.AsyncFor(target=ast.Name(id=name)):
                found.setdefault(name, []).append(node.iter)
    return found


def faults(code: dict[str, str]) -> list[Fault]:
    trees = {path: ast.parse(text) for path, text in code.items()}
    found = [(path, node) for path, tree in trees.items() for node in dangerous_calls(tree)]
    found += Statements(trees).made_of_values()
    return [
        Fault(path, getattr(node, "lineno", 0), " ".join(ast.unparse(node).split()))
        for path, node in found
    ]


@pytest.mark.slow
def test_our_code_runs_no_texts_and_trusts_no_files() -> None:
    found = faults(sources())
    places = {(fault.path, fault.code.replace("'", '"')) for fault in found}
    assert not [str(f) for f in found if (f.path, f.code.replace("'", '"')) not in ALLOWED]
    assert not ALLOWED - places, "allowed, but no longer there"


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)",
        "exec(compile(text, 'x', 'exec'))",
        "os.system('ls ' + name)",
        "subprocess.run(text, shell=True)",
        "subprocess.run(text, shell=loud)",
        "await asyncio.create_subprocess_shell(text)",
        "pickle.load(file)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader=yaml.Loader)",
        "session.get(text, ssl=False)",
        "db.execute(f'SELECT {name}')",
        "db.execute('SELECT ' + name)",
        "db.execute('SELECT %s' % name)",
        "db.execute('SELECT {}'.format(name))",
        "sql = 'SELECT ' + name\n    db.execute(sql)",
        "sql = 'SELECT'\n    sql += name\n    db.execute(sql)",
        "rows(db, 'SELECT ' + name)",
        "rows(db, query(name))",
        "rows(db, query('claim') + name)",
    ],
)
def test_the_rules_find_what_they_forbid(line: str) -> None:
    helper = "async def rows(db, sql):\n    return await db.execute(sql)\n"
    assert faults({"a.py": f"{helper}async def f(db, name, text):\n    {line}\n"})


def test_the_rules_leave_what_is_written_in_the_code_alone() -> None:
    code = (
        "ORDER = ' ORDER BY id'\n"
        "async def rows(db, sql, values):\n    return await db.execute(sql, values)\n"
        "async def f(db, name, newest):\n"
        "    sql = 'SELECT * FROM jobs' + (ORDER if newest else '')\n"
        "    await rows(db, sql + ' LIMIT ?', (name,))\n"
        "    await rows(db, query('claim' if newest else 'ahead'))\n"
        "    torch.load(name, weights_only=True)\n"
        "    yaml.load(name, Loader=yaml.SafeLoader)\n"
    )
    assert not faults({"a.py": code})
