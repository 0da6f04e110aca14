# SPDX-License-Identifier: GPL-2.0-only
#
# Line and branch coverage of the pure files, summed over all tests, from `gcov -b -c` text.
#
#	awk -v files="a.c b.c" -f coverage.awk coverage.allow *.gcov
#
# Prints one TAP line per file, then what is missing. A line of coverage.allow, "file | source line | reason",
# excuses what is missing on that source line; an excuse nobody needs any more is an error.

BEGIN {
	n = split(files, want, " ")
	for (i = 1; i <= n; i++)
		known[want[i]] = 1
}

function trim(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

FILENAME ~ /coverage\.allow$/ {
	if ($0 ~ /^#/ || trim($0) == "")
		next
	split($0, f, "|")
	allow[trim(f[1]), trim(f[2])] = trim(f[3])
	next
}

/^ *-: *0:Source:/ {
	sub(/^ *-: *0:Source:/, "")
	file = ""
	for (k in known)
		if (length($0) >= length(k) && substr($0, length($0) - length(k) + 1) == k)
			file = k
	next
}

file == "" { next }

/^branch/ {
	key = file SUBSEP line SUBSEP $2
	branch[key] += ($3 == "taken") ? $4 : 0
	next
}

/^ *[-#=0-9*]+: *[0-9]+:/ {
	split($0, f, ":")
	line = f[2] + 0
	text[file, line] = trim(substr($0, index($0, f[2] ":") + length(f[2]) + 1))
	count = trim(f[1])
	if (count == "-")
		next
	sub(/\*$/, "", count)
	hit[file, line] += (count ~ /^[0-9]+$/) ? count : 0
}

function excused(file, line)
{
	if (!((file, text[file, line]) in allow))
		return 0
	used[file, text[file, line]] = 1
	return 1
}

END {
	for (k in hit) {
		split(k, f, SUBSEP)
		lines[f[1]]++
		if (hit[k] > 0)
			lines_hit[f[1]]++
		else if (!excused(f[1], f[2]))
			missing[f[1]] = missing[f[1]] "\n#\tline " f[2] ": " text[f[1], f[2]]
		else
			lines_excused[f[1]]++
	}
	for (k in branch) {
		split(k, f, SUBSEP)
		branches[f[1]]++
		if (branch[k] > 0)
			branches_hit[f[1]]++
		else if (!excused(f[1], f[2]))
			missing[f[1]] = missing[f[1]] "\n#\tline " f[2] ", branch " f[3] ": " text[f[1], f[2]]
		else
			branches_excused[f[1]]++
	}
	print "1.." n
	for (i = 1; i <= n; i++) {
		k = want[i]
		ok = lines[k] > 0 && missing[k] == ""
		printf "%s %d - coverage of %s: lines %d/%d, branches %d/%d, excused %d%s\n", ok ? "ok" : "not ok", i, k,
			lines_hit[k], lines[k], branches_hit[k], branches[k],
			lines_excused[k] + branches_excused[k], missing[k]
		failed += !ok
	}
	for (k in allow)
		if (!(k in used)) {
			split(k, f, SUBSEP)
			print "not ok - stale excuse: " f[1] ": " f[2]
			failed++
		}
	exit failed > 0
}
