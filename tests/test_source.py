"""Static checks of our source: no code execution, shells, unsafe loaders or SQL built from values.

ALLOWED lists each exception with its reason.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "bot", "core", "engine", "migrations", "sandbox", "training")

ALLOWED = {
    # PRAGMAs take no parameters; these names and numbers are constants of ours.
    ("core/database/connection.py", 'f"PRAGMA {pragma}"'),
    ("core/database/connection.py", 'f"PRAGMA user_version = {number}"'),
    # Migrations are files in this repository.
    ("core/database/connection.py", "statement"),
    # Deletions are replayed from SQL files in this repository.
    ("core/database/journal_replay.py", "statement"),
    # Assignments and conditions are constants in the same module; all values are parameters.
    ("core/database/job_updates.py", "sql"),
    # From a table of statements in the same module.
    ("core/database/personal_data.py", "sql"),
    # The names of tables and columns come from the migrations.
    ("core/database/damage.py", 'f"SELECT 1 FROM {table} WHERE {damaged} LIMIT 1"'),
    (
        "core/database/damage.py",
        'f"UPDATE OR IGNORE {table} SET {nulls} WHERE {damaged} AND {complete}"',
    ),
    ("core/database/damage.py", 'f"DELETE FROM {table} WHERE {damaged}"'),
    # Loads tensors and modules, and refuses every other class; see tests/engine/models.
    ("engine/models/checkpoints.py", "pickle.Unpickler"),
}

CODE_EXECUTION = {"eval", "exec", "compile", "__import__"}
SHELL_CALLS = {
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("asyncio.create_subprocess_shell", "commands.getoutput", "pty.spawn"),
}
UNSAFE_LOADERS = {
    *(f"{module}.{name}" for module in ("pickle", "dill", "marshal") for name in ("load", "loads")),
    *("pickle.Unpickler", "shelve.open", "torch.jit.load", "joblib.load", "yaml.unsafe_load"),
    *("yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all", "torch.hub.load"),
}
SAFETY_ARGUMENTS = {"Loader", "allow_pickle", "shell", "ssl", "verify", "weights_only"}
"""Parameters that decide whether a call is dangerous."""
SQL_METHODS = {"execute", "executemany", "executescript", "execute_fetchall"}


@dataclass(frozen=True)
class Violation:
    path: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code}"


def sources() -> dict[str, str]:
    """The text of our source files, by path in the repository."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}


def dangerous_calls(tree: ast.AST) -> Iterator[ast.AST]:
    """Calls that execute code or load files unsafely, and classes derived from unsafe loaders."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(bases=bases):
                yield from (base for base in bases if ast.unparse(base) in UNSAFE_LOADERS)
            case ast.Call(func=ast.Name(id=name)) if name in CODE_EXECUTION:
                yield node
            case ast.Call(func=func, keywords=keywords):
                name = _dotted(func)
                arguments = {
                    w.arg: ast.unparse(w.value) for w in keywords if w.arg in SAFETY_ARGUMENTS
                }
                dangerous = (
                    name in SHELL_CALLS | UNSAFE_LOADERS
                    or arguments.get("shell", "False") != "False"
                    or "False" in (arguments.get("ssl"), arguments.get("verify"))
                    or (name == "torch.load" and arguments.get("weights_only") != "True")
                    or (
                        name.endswith("np.load")
                        and arguments.get("allow_pickle", "False") != "False"
                    )
                    or (name in ("yaml.load", "yaml.load_all") and "Safe" not in str(arguments))
                )
                if dangerous:
                    yield node


def _dotted(node: ast.expr) -> str:
    """Like `ast.unparse`, but fast for dotted names."""
    parts = []
    expression = node
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return ".".join([node.id, *reversed(parts)])
    return ast.unparse(expression)


class SqlStatements:
    """Finds SQL that is not built from constants, even if functions pass it on."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self._trees = trees
        self._functions = [
            (path, function, _parameters(function), _named_calls(function))
            for path, tree in trees.items()
            for function in _functions(tree)
        ]
        self._constants: set[str] = set()
        self._sql_parameters = {("", name): 0 for name in SQL_METHODS}
        while self._find_constants():
            pass
        while self._find_sql_parameters():
            pass

    def dynamic_sql(self) -> Iterator[tuple[str, ast.expr]]:
        for path, function, parameters, calls in self._functions:
            sql_arguments = list(self._sql_arguments(path, calls))
            local = _locals(function) if sql_arguments else {}
            for sql in sql_arguments:
                forwarded = isinstance(sql, ast.Name) and sql.id in parameters
                if not forwarded and not self._is_constant(sql, local, set()):
                    yield path, sql

    def _find_constants(self) -> bool:
        """Adds module constants built from constants. Returns whether it found new ones."""
        known = len(self._constants)
        for tree in self._trees.values():
            for node in tree.body:
                if isinstance(node, ast.Assign) and self._is_constant(node.value, {}, set()):
                    names = (each.id for each in node.targets if isinstance(each, ast.Name))
                    self._constants.update(names)
        return len(self._constants) > known

    def _find_sql_parameters(self) -> bool:
        """Adds functions that pass a parameter on as SQL. Returns whether it found new ones."""
        known = len(self._sql_parameters)
        for path, function, parameters, calls in self._functions:
            for sql in self._sql_arguments(path, calls):
                if isinstance(sql, ast.Name) and sql.id in parameters:
                    scope = path if function.name.startswith("_") else ""
                    index = parameters.index(sql.id)
                    self._sql_parameters.setdefault((scope, function.name), index)
        return len(self._sql_parameters) > known

    def _sql_arguments(self, path: str, calls: list[tuple[str, ast.Call]]) -> Iterator[ast.expr]:
        for name, call in calls:
            index = self._sql_parameters.get((path, name), self._sql_parameters.get(("", name)))
            if index is not None and len(call.args) > index:
                yield call.args[index]

    def _is_constant(
        self, node: ast.expr, local: dict[str, list[ast.expr]], visiting: set[str]
    ) -> bool:
        match node:
            case ast.Constant(value=str()):
                return True
            case ast.Call(func=ast.Name(id="query"), args=[name]):
                return self._is_constant(name, local, visiting)  # a file of core/database/queries
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return all(self._is_constant(part, local, visiting) for part in (left, right))
            case ast.IfExp(body=body, orelse=orelse):
                return all(self._is_constant(part, local, visiting) for part in (body, orelse))
            case ast.Name(id=name) if name in local and name not in visiting:
                visited = visiting | {name}
                return all(self._is_constant(value, local, visited) for value in local[name])
            case ast.Name(id=name):
                return name in self._constants
            case ast.JoinedStr(values=parts):
                return all(self._is_constant(part, local, visiting) for part in parts)
            case ast.FormattedValue(value=ast.Name(id=name), conversion=-1, format_spec=None):
                return name not in local and name in self._constants
        return False


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _named_calls(function: Function) -> list[tuple[str, ast.Call]]:
    """All calls in a function, with the last part of the called name."""
    return [
        (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id, node)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    ]


def _parameters(function: Function) -> list[str]:
    return [each.arg for each in function.args.args if each.arg not in ("self", "cls")]


def _locals(function: Function) -> dict[str, list[ast.expr]]:
    """All values that are assigned to each local variable."""
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


def violations(code: dict[str, str]) -> list[Violation]:
    trees = {path: ast.parse(text) for path, text in code.items()}
    found = [(path, node) for path, tree in trees.items() for node in dangerous_calls(tree)]
    found += SqlStatements(trees).dynamic_sql()
    return [
        Violation(path, getattr(node, "lineno", 0), " ".join(ast.unparse(node).split()))
        for path, node in found
    ]


@pytest.mark.slow
def test_our_code_has_no_violations() -> None:
    found = violations(sources())
    locations = {(violation.path, violation.code.replace("'", '"')) for violation in found}
    assert not [str(f) for f in found if (f.path, f.code.replace("'", '"')) not in ALLOWED]
    assert not ALLOWED - locations, "no longer needed in ALLOWED"


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
def test_the_rules_find_violations(line: str) -> None:
    helper = "async def rows(db, sql):\n    return await db.execute(sql)\n"
    assert violations({"a.py": f"{helper}async def f(db, name, text):\n    {line}\n"})


def test_the_rules_accept_constant_sql_and_safe_loaders() -> None:
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
    assert not violations({"a.py": code})
