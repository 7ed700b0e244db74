#!/usr/bin/env python3
"""Do core's tests bite? All mutants of shared/core in one test binary, behind a switch.

A mutant is core with one thing changed. `cargo mutants` builds and tests each on its own, which takes hours.
Here the mutants that `cargo mutants --list --json --diff` names are all compiled at once: each function's body
becomes a `match` over the environment variable MUTANT, with one arm per mutant of it. One binary is then run
once per mutant, with only the tests that reach the function. A whole pass takes 30 to 60 minutes on two cores.

Needs Python 3.9, and `cargo install cargo-mutants --version 25.3.1 --locked`. The worktree is only read but
for its target: the sources are copied to target/mutants/copy, and what is known so far is in target/mutants too. Each command goes
on where it stopped; a new pass over later sources starts with `list --fresh`.

    python3 tests/mutants/mutants.py list             copy the sources, list the mutants
    python3 tests/mutants/mutants.py build            compile them; what does not compile is left out, by rounds
    python3 tests/mutants/mutants.py reach            which tests reach which function
    python3 tests/mutants/mutants.py run              each mutant against the tests that reach it
    python3 tests/mutants/mutants.py run --survivors  what survived again: more random cases, all tests, the corpus
    python3 tests/mutants/mutants.py singles          those that the switch cannot express, one build each
    python3 tests/mutants/mutants.py build --left     what is left over, with the tests of now; then
    python3 tests/mutants/mutants.py run --left       those alone
    python3 tests/mutants/mutants.py table            figures
    python3 tests/mutants/mutants.py show [FILE]      survivors, with their diffs

`run --only=plan/` takes the mutants of some files alone; MUTANTS_JOBS=1 runs one binary at a time (2 else),
MUTANTS_NICE=0 as urgently as anything else (5 else).
"""
import collections, json, os, queue, re, resource, shutil, signal, subprocess, sys, threading, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/mutants"                    # all that a pass writes
COPY = WORK / "copy"                              # what is built: core alone, with the switch
ORIG = WORK / "orig"                              # core as it was listed
TARGET = ROOT / "target"                          # where the crates that core needs are built already
ENV = dict(os.environ, CARGO_TARGET_DIR=str(TARGET), CARGO_INCREMENTAL="1", CARGO_TERM_COLOR="never")
# Of a mutant only the compiler's errors count. (`--cap-lints` would do, and build every crate anew.)
LINTS = "[lints.rust]\nwarnings = \"allow\"\narithmetic_overflow = \"allow\"\nunconditional_panic = \"allow\"\n"
RUNENV = dict(os.environ, INSTA_UPDATE="no", INSTA_FORCE_PASS="0", PROPTEST_RNG_SEED="14", PROPTEST_MAX_SHRINK_ITERS="0",
              PROPTEST_DISABLE_FAILURE_PERSISTENCE="true", RUST_BACKTRACE="0", RUST_MIN_STACK=str(1 << 29))
# Tests with deep nesting need the stack that the arms of one `match` take.
resource.setrlimit(resource.RLIMIT_STACK, (1 << 29, resource.getrlimit(resource.RLIMIT_STACK)[1]))
JOBS = int(os.environ.get("MUTANTS_JOBS", "2"))
NICE = os.environ.get("MUTANTS_NICE", "5")

def load(name, default=None):
    p = WORK / name
    return json.loads(p.read_text()) if p.exists() else default

def save(name, value):
    p = WORK / name
    t = p.with_suffix(".tmp"); t.write_text(json.dumps(value, indent=1)); t.rename(p)

def sync():
    """Makes the copy: what the worktree holds, as a workspace of core alone."""
    COPY.mkdir(parents=True, exist_ok=True)
    corpus, link = ROOT.parent / "shared", WORK / "shared"
    if corpus.exists() and not link.exists():    # where tests/corpus.rs of the copy looks
        link.symlink_to(corpus)
    files = subprocess.run(["git", "ls-files", "-z", "shared", "docs", "events", "Cargo.toml", "Cargo.lock", "clippy.toml", "rustfmt.toml", "README.md"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    keep = set()
    for f in filter(None, files):
        if f.startswith("shared/") and not f.startswith("shared/core/"): continue
        data = (ROOT / f).read_bytes()
        if f == "Cargo.toml":
            t = data.decode()
            t = re.sub(r'members = \[[^\]]*\]', 'members = ["shared/core"]', t, count=1)
            t = re.sub(r'default-members = \[[^\]]*\]', '', t, count=1)
            data = t.encode()
        if f == "shared/core/Cargo.toml":
            data = data.replace(b"[lints]\nworkspace = true\n", LINTS.encode())
        d = COPY / f
        keep.add(d)
        write(d, data)
    for d in list((COPY / "shared/core").rglob("*")):
        if d.is_file() and d not in keep: d.unlink()
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    (WORK / "commit").write_text(head)

def write(path, data):
    if path.exists() and path.read_bytes() == data: return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

def cmd_list():
    if "--fresh" in sys.argv:
        for f in ("mutants.json", "state.json", "groups.json", "reach.json", "times.json", "results.jsonl"):
            (WORK / f).unlink(missing_ok=True)
    if (WORK / "results.jsonl").exists():
        sys.exit("a pass is under way: its numbers would change. list --fresh forgets it")
    sync()
    out = subprocess.run(["cargo", "mutants", "--list", "--json", "--diff", "-p", "spotkeeper-core", "-e", "**/fixtures*", "-e", "**/fixtures/**"],
                         cwd=COPY, capture_output=True, text=True)
    if out.returncode: sys.exit(out.stderr)
    ms = json.loads(out.stdout)
    for i, m in enumerate(ms, 1): m["id"] = i
    save("mutants.json", ms)
    print(len(ms), collections.Counter(m["genre"] for m in ms), "commit", (WORK / "commit").read_text())

class Text:
    def __init__(self, path):
        self.s = (ORIG / path).read_text()
        self.lines = [0]
        for i, c in enumerate(self.s):
            if c == "\n": self.lines.append(i + 1)
    def at(self, p): return self.lines[p["line"] - 1] + p["column"] - 1
    def span(self, sp): return self.at(sp["start"]), self.at(sp["end"])

def keep_orig():
    """The sources as they were listed: what the copy's src is made from."""
    src = COPY / "shared/core"
    dst = ORIG / "shared/core"
    subprocess.run(["rm", "-rf", str(ORIG)]); dst.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(src) + "/.", str(dst)], check=True)

def name(m):
    s = m["span"]["start"]; f = m.get("function")
    return f'{m["file"]}:{s["line"]}:{s["column"]} [{m["genre"]}] {f["function_name"] if f else "-"}: {m["replacement"]!r}'

def skip_tokens(s, i):
    """If a comment, string, char starts at i: its end, else i."""
    if s.startswith("//", i):
        j = s.find("\n", i); return len(s) if j < 0 else j
    if s.startswith("/*", i): return s.index("*/", i) + 2
    m = re.compile(r'b?r(#*)"').match(s, i)
    if m and (i == 0 or not (s[i-1].isalnum() or s[i-1] == "_")):
        return s.index('"' + m.group(1), m.end()) + 1 + len(m.group(1))
    if s[i] == '"':
        j = i + 1
        while s[j] != '"': j += 2 if s[j] == "\\" else 1
        return j + 1
    if s[i] == "'":
        m = re.compile(r"'(\\x..|\\u\{[^}]*\}|\\.|[^\\'])'").match(s, i)
        if m: return m.end()
    return i

def body_of(s, a, b):
    """The braces of the body of the fn item in s[a:b]; and where `const` stands, if it does."""
    i, depth, fn_at = a, 0, None
    while i < b:
        j = skip_tokens(s, i)
        if j != i: i = j; continue
        if s[i] == "#" and fn_at is None:         # attribute
            k = s.index("[", i); d = 0
            while True:
                j = skip_tokens(s, k)
                if j != k: k = j; continue
                if s[k] == "[": d += 1
                if s[k] == "]":
                    d -= 1
                    if d == 0: break
                k += 1
            i = k + 1; continue
        if fn_at is None and re.compile(r"fn\b").match(s, i) and not (s[i-1].isalnum() or s[i-1] == "_"):
            fn_at = i
        if fn_at is not None:
            if s[i] in "([": depth += 1
            if s[i] in ")]": depth -= 1
            if s[i] == "{" and depth == 0:
                assert s[b-1] == "}", (s[a:b][:200], s[b-10:b])
                head = s[a:i]
                c = re.search(r"\bconst\s+(?=(unsafe\s+)?fn\b)", head)
                return i, b, (a + c.start(), a + c.end()) if c else None, re.search(r"fn\s+(\w+)", s[fn_at:i]).group(1)
        i += 1
    raise ValueError("no body: " + s[a:b][:200])

SWITCH = '''
#[doc(hidden)]
pub(crate) fn __mutant(group: u32) -> u32 {
    use std::sync::{LazyLock, Mutex};
    static N: LazyLock<u32> = LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|v| v.parse().ok()).unwrap_or(0));
    static REACH: LazyLock<Option<Mutex<std::collections::HashSet<(String, u32)>>>> =
        LazyLock::new(|| std::env::var("MUTANT_REACH").ok().map(|_| Mutex::default()));
    if let Some(seen) = &*REACH {
        let name = std::thread::current().name().unwrap_or("?").to_string();
        let Ok(mut seen) = seen.lock() else { return *N };
        if seen.insert((name.clone(), group)) {
            use std::io::Write as _;
            if let Ok(mut f) = std::fs::OpenOptions::new().append(true).create(true).open(std::env::var("MUTANT_REACH").unwrap_or_default()) {
                let _ = writeln!(f, "{name}\\t{group}");
            }
        }
    }
    *N
}

/// The arms of a function that answers some iterator have one type so.
#[doc(hidden)]
pub(crate) fn __boxed<'a, T>(any: impl Iterator<Item = T> + 'a) -> Box<dyn Iterator<Item = T> + 'a> {
    Box::new(any)
}
'''

def plan(only=None):
    """file -> functions (outermost) -> mutants, all of them or these. What has none goes to singles."""
    ms = [m for m in load("mutants.json") if only is None or m["id"] in only]
    byfile = collections.defaultdict(list)
    for m in ms: byfile[m["file"]].append(m)
    funcs, loose = {}, []
    for f, l in byfile.items():
        t = Text(f)
        spans = sorted({t.span(m["function"]["span"]) for m in l if m.get("function")}, key=lambda x: (x[0], -x[1]))
        outer = []
        for sp in spans:
            if not outer or sp[0] >= outer[-1][1]: outer.append(sp)
        d = {sp: [] for sp in outer}
        for m in l:
            a, b = t.span(m["span"])
            home = next((sp for sp in outer if sp[0] <= a and b <= sp[1]), None)
            if home is None: loose.append(m["id"]); continue
            d[home].append((m, a, b))
        funcs[f] = (t, d)
    return ms, funcs, loose

def generate(state, only=None):
    """Writes the switch into the copy: all mutants, or these alone."""
    ms, funcs, loose = plan(only)
    dropped, keepconst, single = set(state["dropped"]), set(state["keepconst"]), set(state["single"])
    places = {}    # file -> [(line_from, line_to, id)]
    groups = {}
    constfns = {}
    for f, (t, d) in funcs.items():
        out, pos = [], 0
        for (a, b), l in sorted(d.items()):
            try:
                i, e, const, fname = body_of(t.s, a, b)
            except (ValueError, AssertionError) as err:
                print("cannot take apart", f, err); single.update(m["id"] for m, _, _ in l); continue
            inside = [x for x in l if x[1] >= i]
            for m, _, _ in l:
                if not any(m["id"] == x[0]["id"] for x in inside): single.add(m["id"])
            live = [x for x in inside if x[0]["id"] not in dropped and x[0]["id"] not in single]
            key = f"{f}:{fname}:{a}"
            if const and key in keepconst:
                single.update(x[0]["id"] for x in live); continue
            if not live: continue
            if const:
                constfns.setdefault(fname, []).append(key)
                out.append(t.s[pos:const[0]]); out.append(t.s[const[1]:i])
            else:
                out.append(t.s[pos:i])
            gid = live[0][0]["id"]
            body = t.s[i:e]
            some = "-> impl Iterator" in t.s[a:i]
            wrap = lambda arm: "crate::__boxed(%s)," % arm if some else arm
            out.append("{ match crate::__mutant(%d) {\n" % gid)
            for m, ma, mb in live:
                groups[m["id"]] = gid
                out.append("/*MUT %d*/ %d => %s\n/*END*/\n" % (m["id"], m["id"], wrap(t.s[i:ma] + m["replacement"] + t.s[mb:e])))
            out.append("_ => %s } }" % wrap(body))
            pos = e
        out.append(t.s[pos:])
        text = "".join(out)
        if f == "shared/core/src/lib.rs": raise SystemExit("lib.rs has mutants")
        write(COPY / f, text.encode())
        pl, cur = [], None
        for n, line in enumerate(text.split("\n"), 1):
            mm = re.match(r"/\*MUT (\d+)\*/", line)
            if mm: cur = (n, int(mm.group(1)))
            if line == "/*END*/" and cur: pl.append((cur[0], n, cur[1])); cur = None
        places[f] = pl
    lib = ORIG / "shared/core/src/lib.rs"
    write(COPY / "shared/core/src/lib.rs", (lib.read_text() + SWITCH).encode())
    single.update(loose)
    state["single"] = sorted(single - dropped)
    return places, groups, constfns

def cargo_json(args, **kw):
    p = subprocess.run(["nice", "-n", NICE, "cargo", *args, "--message-format", "json"], cwd=COPY, env=ENV, capture_output=True, text=True, **kw)
    msgs = [json.loads(l) for l in p.stdout.splitlines() if l.startswith("{")]
    return p, msgs

def cmd_build():
    """Compiles the switch until only mutants that compile are left in it, then the test binaries."""
    only = None
    if "--left" in sys.argv:
        # The tests of now, over the code as it was listed: what changed of it has its mutants elsewhere.
        listed = {p: p.read_bytes() for p in (ORIG / "shared/core/src").rglob("*.rs")}
        done = results()
        only = {i for i in done if final(done[i]) is None} | set(load("state.json")["single"])
        sync()
        ms = {m["id"]: m for m in load("mutants.json")}
        for i in list(only):
            f = ms[i]["file"]
            old, new = listed[ORIG / f].decode(), (COPY / f).read_text()
            code = lambda text: text.split("#[cfg(test)]")[0]
            if code(old) != code(new): print("its file has changed: list it anew:", name(ms[i])); only.discard(i)
        # Those that answer an iterator may be in the switch after all.
        save("state.json", dict(load("state.json"), single=[]))
    keep_orig()
    state = load("state.json", {"dropped": [], "keepconst": [], "single": [], "why": {}})
    for rnd in range(1, 40):
        places, groups, constfns = generate(state, only)
        t0 = time.time()
        p, msgs = cargo_json(["test", "-p", "spotkeeper-core", "--features", "fixtures", "--no-run", "--lib"])
        errs = [m["message"] for m in msgs if m["reason"] == "compiler-message" and m["message"]["level"] == "error"]
        new, consts, apart, odd = set(), set(), set(), []
        for e in errs:
            hit = set()
            spans = sorted(e["spans"], key=lambda s: not s["is_primary"])
            for s in spans:
                while s.get("expansion") and not s["file_name"].startswith("shared/core"): s = s["expansion"]["span"]
                for a, b, i in places.get(s["file_name"], ()):
                    if a <= s["line_start"] <= b: hit.add(i)
                if hit: break
            if "captures lifetime" in e["message"]:    # an iterator over two borrows cannot be boxed
                hit = {i for s in spans for a, b, i in places.get(s["file_name"], ()) if s["line_start"] <= a and b <= s["line_end"]}
            if hit and any(text in e["message"] for text in ("incompatible types", "captures lifetime")):    # may compile alone
                state["single"] = sorted(set(state["single"]) | hit); apart |= hit; continue
            if hit: new |= hit; [state["why"].__setitem__(str(i), e["message"]) for i in hit]; continue
            mm = re.search(r"cannot call non-const .*`(?:.*::)?(\w+)(?:::<.*>)?`", e["message"])
            if mm and mm.group(1) in constfns: consts.update(constfns[mm.group(1)]); continue
            if e["spans"]: odd.append(e.get("rendered") or e["message"])
        print(f"round {rnd}: {time.time()-t0:.0f} s, {len(errs)} errors, {len(new)} dropped, {len(apart)} to be built alone, {len(consts)} const kept, {len(odd)} odd", flush=True)
        state["dropped"] = sorted(set(state["dropped"]) | new)
        state["keepconst"] = sorted(set(state["keepconst"]) | consts)
        save("state.json", state)
        if p.returncode == 0: break
        if not new and not consts and not apart:
            print("\n".join(odd[:10]), p.stderr[-3000:]); sys.exit("stuck")
        if odd and not new: print("\n".join(odd[:5]))
    save("state.json", state); save("groups.json", groups)
    t0 = time.time()
    p, msgs = cargo_json(["test", "-p", "spotkeeper-core", "--features", "fixtures", "--no-run", "--lib", "--test", "corpus"])
    if p.returncode: print(p.stderr[-3000:]); sys.exit("test build failed: " + "".join(m["message"]["rendered"] for m in msgs if m["reason"] == "compiler-message")[:5000])
    bins = {m["target"]["kind"][0]: m["executable"] for m in msgs if m["reason"] == "compiler-artifact" and m.get("executable")}
    out = {}
    for k, v in bins.items():
        d = WORK / f"bin-{k}"; shutil.copy2(v, d); out[k] = str(d)
    save("bins.json", out)
    n = len(load("mutants.json"))
    print(f"built {out} in {time.time()-t0:.0f} s; {n} listed, {len(state['dropped'])} do not compile, {len(state['single'])} singles, {len(groups)} in the switch")

def tests_of(binary, extra=()):
    out = subprocess.run([binary, "--list", "--format", "terse"], capture_output=True, text=True, cwd=COPY / "shared/core", env=RUNENV)
    return [l[:-6] for l in out.stdout.splitlines() if l.endswith(": test")]

def cmd_reach():
    """Runs each test once, unmutated, and notes which functions it came through, and how long it took."""
    bins = load("bins.json"); reach = collections.defaultdict(set); times = {}
    # The harness tells times on a nightly compiler alone, or where it is told that it is one.
    timed = ["-Z", "unstable-options", "--report-time"]
    for kind, b in bins.items():
        log = WORK / f"reach-{kind}.txt"
        if log.exists(): log.unlink()
        t0 = time.time()
        env = dict(RUNENV, PROPTEST_CASES="32", MUTANT_REACH=str(log), RUSTC_BOOTSTRAP="1")
        p = subprocess.run(["nice", "-n", NICE, b, "--test-threads", "1", *timed], cwd=COPY / "shared/core", env=env, capture_output=True, text=True)
        print(kind, "rc", p.returncode, f"{time.time()-t0:.1f} s", p.stdout[-300:] if p.returncode else "")
        for line in p.stdout.splitlines():
            mm = re.match(r"test (\S+)(?: - should panic)? \.\.\. ok <([\d.]+)s>", line)
            if mm: times[mm.group(1)] = float(mm.group(2))
        known = set(tests_of(b))
        strange = set()
        for l in (log.read_text().splitlines() if log.exists() else []):
            n, g = l.rsplit("\t", 1)
            if n not in known: strange.add(n)
            reach[g].add((kind, n))
        if strange: print("threads of no test:", strange)
    save("reach.json", {g: sorted(map(list, v)) for g, v in reach.items()}); save("times.json", times)
    slow = sorted(times.items(), key=lambda one: -one[1])[:12]
    print(f"{len(times)} tests, {sum(times.values()):.1f} s; the slowest:", ", ".join(f"{n} {t:.2f}" for n, t in slow))

def stages(near, tests, times):
    """Tests in the order in which they are tried: those of the mutant's own module and of a blink, the others
    of a blink, then the slow ones. The harness itself runs what it is given in the order of the names."""
    quick = lambda n: times.get(n, 1.0) < 0.05
    own = lambda n: n.startswith(near + "::") or n.startswith(near + "_")
    parts = [[n for n in tests if quick(n) and own(n)], [n for n in tests if quick(n) and not own(n)], [n for n in tests if not quick(n)]]
    return [part for part in parts if part]

def attempt(mid, binary, tests, cases, limit):
    """caught by which test | 'timeout' | None (survived)"""
    cmd = ["nice", "-n", NICE, binary, "--test-threads", "1"] + (["--exact", *tests] if tests is not None else [])
    env = dict(RUNENV, MUTANT=str(mid), PROPTEST_CASES=str(cases))
    p = subprocess.Popen(cmd, cwd=COPY / "shared/core", env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    result = {}
    timer = threading.Timer(limit, lambda: (result.setdefault("t", True), kill(p)))
    timer.start()
    found, ended = None, False
    last = None
    for line in p.stdout:
        mm = re.match(r"test (\S+)(?: - should panic)? \.\.\. (\w*)", line)
        if mm: last = mm.group(1)
        if line.rstrip().endswith("FAILED") and line.startswith("test ") and not line.startswith("test result"):
            found = last; kill(p); break
        if line.startswith("test result: ok"): ended = True
    p.wait(); timer.cancel(); p.stdout.close()
    if found: return found
    if result.get("t"): return "timeout"
    if not ended or p.returncode != 0: return f"died rc {p.returncode}"
    return None

def kill(p):
    try: os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError: pass

def cmd_run():
    """Each mutant against its tests: those of its own module first. The first failure ends it."""
    survivors, left = "--survivors" in sys.argv, "--left" in sys.argv
    only = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--only=")]
    bins, groups, reach, times = load("bins.json"), load("groups.json"), load("reach.json"), load("times.json", {})
    ms = {m["id"]: m for m in load("mutants.json")}
    log = WORK / "results.jsonl"
    done = {}
    if log.exists():
        for l in log.read_text().splitlines():
            r = json.loads(l); done[(r["id"], r["pass"])] = r["by"]
    pas = 3 if left else 2 if survivors else 1
    if survivors: ids = [i for i in map(int, groups) if (i, 1) in done and done[(i, 1)] is None]
    else: ids = list(map(int, groups))
    if only: ids = [i for i in ids if any(o in ms[i]["file"] for o in only)]
    ids = sorted(i for i in ids if (i, pas) not in done)
    q = queue.SimpleQueue(); [q.put(i) for i in ids]
    lock = threading.Lock(); count = collections.Counter(); t0 = time.time()
    out = log.open("a")
    def work():
        while True:
            try: i = q.get_nowait()
            except queue.Empty: return
            r = reach.get(str(groups[str(i)]), [])
            if pas == 1:
                near = ms[i]["file"].removeprefix("shared/core/src/").removesuffix(".rs").removesuffix("/mod").replace("/", "::")
                by = None
                for part in stages(near, [n for k, n in r if k == "lib"], times):
                    by = by or attempt(i, bins["lib"], part, 32, 60)
            else:
                by = attempt(i, bins["lib"], None, 32, 120) if left else None
                by = by or attempt(i, bins["lib"], None, 256, 300)
                if by is None and "/files/" in ms[i]["file"] or by is None and any(k == "test" for k, _ in r):
                    by = attempt(i, bins["test"], None, 32, 60)
            with lock:
                count["survived" if by is None else "timeout" if by == "timeout" else "caught"] += 1
                out.write(json.dumps({"id": i, "pass": pas, "by": by}) + "\n"); out.flush()
                n = sum(count.values())
                if n % 100 == 0: print(f"{n}/{len(ids)} {dict(count)} {time.time()-t0:.0f} s", flush=True)
    ts = [threading.Thread(target=work) for _ in range(JOBS)]
    [t.start() for t in ts]; [t.join() for t in ts]
    print(f"pass {pas}: {dict(count)} in {time.time()-t0:.0f} s")

def results():
    done = {}
    p = WORK / "results.jsonl"
    if p.exists():
        for l in p.read_text().splitlines():
            r = json.loads(l); done.setdefault(r["id"], {})[r["pass"]] = r["by"]
    return done

def final(r):
    """The verdict over passes."""
    for k in (3, 2, 1):
        if k in r: return r[k]
    return None

def cmd_singles():
    """Patch the copy (with the switch's sources put back), build, test: one each."""
    state, ms = load("state.json"), {m["id"]: m for m in load("mutants.json")}
    done = results()
    log = (WORK / "results.jsonl").open("a")
    # The sources without the switch.
    for p in (ORIG / "shared/core/src").rglob("*.rs"):
        write(COPY / p.relative_to(ORIG), p.read_bytes())
    for i in state["single"]:
        if i in done: continue
        m = ms[i]; t = Text(m["file"]); a, b = t.span(m["span"])
        write(COPY / m["file"], (t.s[:a] + m["replacement"] + t.s[b:]).encode())
        t0 = time.time()
        p, msgs = cargo_json(["test", "-p", "spotkeeper-core", "--features", "fixtures", "--no-run", "--lib"])
        if p.returncode:
            errs = [x["message"]["message"] for x in msgs if x["reason"] == "compiler-message" and x["message"]["level"] == "error"]
            by = "unbuildable"; note = errs[:1]
        else:
            note = None
            b1 = next(x["executable"] for x in msgs if x["reason"] == "compiler-artifact" and x.get("executable"))
            by = attempt(0, b1, None, 32, 60)
            if by is None: by = attempt(0, b1, None, 256, 120)
            if by is None and "/files/" in m["file"]:
                p, msgs = cargo_json(["test", "-p", "spotkeeper-core", "--features", "fixtures", "--no-run", "--test", "corpus"])
                if p.returncode == 0:
                    by = attempt(0, next(x["executable"] for x in msgs if x["reason"] == "compiler-artifact" and x.get("executable")), None, 32, 60)
        write(COPY / m["file"], t.s.encode())
        log.write(json.dumps({"id": i, "pass": 1, "by": by, "single": True, "note": note}) + "\n"); log.flush()
        print(f"{i} {name(m)[:110]} -> {by} {note or ''} {time.time()-t0:.0f} s", flush=True)

def cmd_table():
    ms, state, groups = load("mutants.json"), load("state.json"), load("groups.json")
    done = results()
    single = set(state["single"]); dropped = set(state["dropped"])
    unb = {i for i in single if final(done.get(i, {0: 0})) == "unbuildable"}
    tried = [m["id"] for m in ms if m["id"] in done and m["id"] not in unb]
    surv = [i for i in tried if final(done[i]) is None]
    outs = [i for i in tried if final(done[i]) == "timeout"]
    print(f"commit {(WORK/'commit').read_text()}: {len(ms)} listed; {len(dropped)+len(unb)} do not compile; {len(ms)-len(dropped)-len(unb)-len(tried)} not tried; {len(tried)} tried, {len(tried)-len(surv)} caught ({len(outs)} by time-out), {len(surv)} survive")
    c = collections.Counter(next(m for m in ms if m["id"] == i)["file"] for i in surv)
    for f, n in sorted(c.items()): print(f"  {n:3} {f}")

def cmd_show():
    ms, done = load("mutants.json"), results()
    only = [a for a in sys.argv[2:] if not a.startswith("--")]
    for m in ms:
        if m["id"] in done and final(done[m["id"]]) is None and (not only or any(o in m["file"] for o in only)):
            print("##", m["id"], name(m)); print("\n".join(l for l in m.get("diff", "").splitlines()[2:])); print()

if __name__ == "__main__":
    command = globals().get("cmd_" + sys.argv[1]) if len(sys.argv) > 1 else None
    if command is None: sys.exit(__doc__)
    WORK.mkdir(parents=True, exist_ok=True)
    command()
