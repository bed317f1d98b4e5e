#!/usr/bin/env bash
# Records the traces in this directory, or those named as arguments. Or, with `--command FILE COMMAND...`, a trace of any other command
# (`--seconds N` and `--calls N` before FILE end the recording early).
#
# Linux on x86-64. The programs are Debian's packages g++, python3, default-jdk-headless, nodejs, chromium, redis-server, postgresql and a
# Rust toolchain; only those that are recorded need be there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
cargo build --quiet --locked --release --package maple-tests --example record
record=${CARGO_TARGET_DIR:-$PWD/target}/release/examples/record

if [ "${1-}" = --command ]; then
    shift
    cd "$OLDPWD"
    exec "$record" "$@"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

headless=(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --remote-debugging-port=0)

prepare_and_record() {
    local out=$here/$1.trace
    cd "$work"
    case $1 in
    cc1plus)
        cat >source.cpp <<'END'
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
int main() {
    std::map<std::string, std::vector<int>> words;
    std::string line;
    std::regex word("[a-z]+");
    for (int number = 1; std::getline(std::cin, line); number++)
        for (std::sregex_iterator at(line.begin(), line.end(), word), end; at != end; ++at)
            words[at->str()].push_back(number);
    for (auto &[name, lines] : words) {
        std::reverse(lines.begin(), lines.end());
        std::cout << name << ' ' << lines.size() << '\n';
    }
}
END
        g++ -E source.cpp -o source.ii
        "$record" "$out" "$(g++ -print-prog-name=cc1plus)" -quiet -fpreprocessed -O2 source.ii -o source.s
        ;;
    rustc)
        cat >source.rs <<'END'
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::thread;
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Token { Word(String), Number(u64) }
fn main() {
    let (sender, receiver) = mpsc::channel();
    for part in 0..4_u64 {
        let sender = sender.clone();
        thread::spawn(move || sender.send(vec![Token::Number(part), Token::Word(format!("{part}"))]).unwrap());
    }
    drop(sender);
    let mut counts: HashMap<Token, usize> = HashMap::new();
    receiver.iter().flatten().for_each(|token| *counts.entry(token).or_default() += 1);
    println!("{:?}", counts.into_iter().collect::<BTreeMap<_, _>>());
}
END
        "$record" "$out" "$(rustc --print sysroot)/bin/rustc" -O --edition 2024 source.rs
        ;;
    python)
        cat >source.py <<'END'
import asyncio, concurrent.futures, ctypes, decimal, email, http.server, json, sqlite3, ssl, xml.dom.minidom
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    total = sum(pool.map(lambda n: len(json.dumps([n] * (1 << n))), range(20)))
tables = sqlite3.connect(":memory:")
tables.execute("create table words (word text primary key, number int)")
tables.executemany("insert into words values (?, ?)", ((str(n), n) for n in range(100_000)))
rows = tables.execute("select * from words order by word desc").fetchall()
blocks = [bytearray(1 << 20 | n << 12) for n in range(64)]
del blocks[::2], rows
print(total, sum(map(len, blocks)))
END
        "$record" "$out" "$(python3 -c 'import sys; print(sys.executable)')" source.py
        ;;
    java)
        cat >Source.java <<'END'
import java.util.*;
import java.util.stream.*;
public class Source {
    public static void main(String[] arguments) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int n = 0; n < 8; n++) {
            int seed = n;
            Thread thread = new Thread(() -> {
                Random random = new Random(seed);
                Map<Integer, byte[]> blocks = new HashMap<>();
                for (int i = 0; i < 20000; i++) blocks.put(random.nextInt(1000), new byte[random.nextInt(20000)]);
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) thread.join();
        System.out.println(IntStream.range(0, 100000).boxed().collect(Collectors.groupingBy(i -> i % 7)).size());
    }
}
END
        # Compiles, then runs, in one process.
        "$record" "$out" "$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.home = //p')/bin/java" -Xmx512m Source.java
        ;;
    node)
        cat >source.js <<'END'
const { Worker, isMainThread } = require("worker_threads");
const work = (n) => { const all = []; for (let i = 0; i < n; i++) all.push({ i, text: "x".repeat(i % 100) }); return JSON.stringify(all).length; };
if (isMainThread) {
    const workers = [1, 2, 3].map(() => new Worker(__filename));
    const buffers = [];
    for (let i = 0; i < 40; i++) buffers.push(new Uint8Array(1 << (12 + i % 10)));
    console.log(work(200000), buffers.length, workers.length);
} else {
    work(50000);
}
END
        "$record" "$out" "$(node -p process.execPath)" source.js
        ;;
    chromium)
        # The browser process.
        printf '<canvas></canvas><p>hello<script>new Worker(URL.createObjectURL(new Blob(["1"])))</script>' >page.html
        "$record" --seconds 15 --calls 4000 "$out" chromium "${headless[@]}" --user-data-dir="$work/profile" "file://$work/page.html" 2>log ||
            { cat log >&2; return 1; }
        ;;
    chromium-renderer)
        # The process that shows the page: of all renderers, the one that did most.
        cat >page.html <<'END'
<canvas></canvas>
<script>
let buffers = [];
for (let i = 0; i < 60; i++) buffers.push(new Uint8Array(1 << 20));
let work = "let x = []; setInterval(() => x.push(new Array(1000).fill(0)), 100)";
for (let i = 0; i < 8; i++) new Worker(URL.createObjectURL(new Blob([work])));
</script>
END
        printf '#!/bin/sh\nexec "%s" --seconds 10 --calls 4500 "%s/renderer.$$" "$@"\n' "$record" "$work" >renderer
        chmod +x renderer
        timeout 20 chromium "${headless[@]}" --no-zygote --renderer-cmd-prefix="$work/renderer" --user-data-dir="$work/profile" \
            "file://$work/page.html" 2>log || [ $? -eq 124 ] || { cat log >&2; return 1; }
        grep ^record: log
        cp "$(ls -S "$work"/renderer.* | head -n 1)" "$out"
        ;;
    redis)
        "$record" --seconds 6 "$out" "$(command -v redis-server)" --port 0 --unixsocket "$work/socket" --dir "$work" --save '' &
        local recorder=$!
        until redis-cli -s "$work/socket" ping >/dev/null 2>&1; do sleep 0.1; done
        redis-cli -s "$work/socket" eval \
            'for i = 1, 100000 do redis.call("set", "key" .. i, string.rep("x", i % 300)) end return redis.call("dbsize")' 0
        redis-cli -s "$work/socket" eval \
            'for i = 1, 64 do redis.call("set", "large" .. i, string.rep("x", i * 100000)) end return redis.call("dbsize")' 0
        redis-cli -s "$work/socket" flushall
        wait "$recorder"
        ;;
    postgres)
        # As somebody else: the server does not run as root.
        local bin as=()
        bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
        if [ "$(id -u)" -eq 0 ]; then
            chown postgres "$work"
            as=(setpriv --reuid postgres --regid postgres --clear-groups)
        fi
        "${as[@]}" "$bin/initdb" --no-sync -D "$work/data" >/dev/null
        cat >source.sql <<'END'
create table words as select n, md5(n::text) as word from generate_series(1, 300000) n
create index on words (word)
set work_mem = '64MB'
select count(distinct word), max(n) from words
select count(*) from words a join words b on a.word = b.word where a.n % 2 = 0
select xmlelement(name x, count(*)) from words
do $$ begin for i in 1..20 loop perform string_agg(word, '') from words where n < i * 10000; end loop; end $$
END
        "$record" "$out" "${as[@]}" "$bin/postgres" --single -D "$work/data" postgres <source.sql >/dev/null
        ;;
    *)
        echo "no recipe for $1" >&2
        return 1
        ;;
    esac
}

[ $# -gt 0 ] || set -- cc1plus rustc python java node chromium chromium-renderer redis postgres
for program; do
    echo "== $program"
    (prepare_and_record "$program")
done
