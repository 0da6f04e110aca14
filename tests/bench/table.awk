# SPDX-License-Identifier: GPL-2.0-only
# From the file "targets" and DIR/{native,guest,xen}.result to the tables of run.
#
#   awk -v dir=DIR [-v markdown=1] -f table.awk targets
#
# Exit: 0 all kept; 1 a "must" is missed; 2 a row of targets was not measured in the guest.

function read_results(who,   line, f, n, i, kv) {
	while ((getline line < (dir "/" who ".result")) > 0) {
		have[who] = 1
		n = split(line, f, " ")
		if (f[1] == "ROW")
			value[who, f[2]] = f[3]
		else if (f[1] == "MICRO" && n == 3)
			value[who, "=" f[2]] = f[3]
		else if (f[1] == "BENCH")
			info[who, f[2]] = f[3]
		else if (f[1] == "COUNT") {
			counted[f[2]] = f[3]
			for (i = 4; i <= n; i++) {
				split(f[i], kv, "=")
				count[f[2], kv[1]] = kv[2]
			}
		}
	}
	if (!have[who] || !((who, "boot_tsc") in info))
		return
	# The emulator starts its counter at 0; a guest starts when its launcher does.
	value[who, "boot"] = info[who, "boot_tsc"] - info[who, "start_tsc"]
	value[who, "boot_kernel"] = info[who, "boot_clock"]
}

# A number with a sensible number of digits: 342, 12.7k, 51.9M.
function short(v) {
	if (v == "") return "-"
	if (v >= 9999500) return sprintf("%.1fM", v / 1e6)
	if (v >= 99950) return sprintf("%.0fk", v / 1e3)
	if (v >= 9999.5) return sprintf("%.1fk", v / 1e3)
	return sprintf("%.0f", v)
}

# Events per operation of a row, without what the counting pass itself costs.
function per_op(id, name,   v) {
	if (!(id in counted)) return "-"
	v = count[id, name] - (id == "boot" ? 0 : count["empty", name])
	if (v < 0) v = 0
	v /= counted[id]
	return v >= 99.95 ? sprintf("%.0f", v) : v >= 9.95 ? sprintf("%.1f", v) : sprintf("%.2f", v)
}

function emit(cells, n,   i, line) {
	if (markdown) {
		for (i = 1; i <= n; i++) line = line "| " cells[i] " "
		print line "|"
	} else {
		line = sprintf("%-42s", cells[1])
		for (i = 2; i <= n; i++) line = line sprintf(" %9s", cells[i])
		print line
	}
}

function header(text, n,   h, i, rule) {
	n = split(text, h, ";")
	emit(h, n)
	if (markdown) {
		rule = "|---|"
		for (i = 2; i <= n; i++) rule = rule "---:|"
		print rule
	}
	return n
}

function verdict(v, must, aim) {
	if (must == "-" || v == "-" || v == "") return ""
	if (must < 10) v = sprintf("%.2f", v) + 0	# as printed
	if (v <= aim + 0) return "aim"
	if (v <= must + 0) return "must"
	missed = 1
	return sprintf("+%.0f %%", (v / must - 1) * 100)
}

BEGIN {
	FS = " *[|] *"
	read_results("native")
	read_results("guest")
	read_results("xen")
}

/^#/ || /^[ \t]*$/ { next }

{
	id[++nr] = $1
	sub(/^ +/, "", id[nr])
	sub(/ +$/, "", id[nr])
	title[nr] = $2; must[nr] = $3; aim[nr] = $4; xen[nr] = $5
}

END {
	text = "operation;bare;guest;ratio;must;aim;verdict;Xen"
	if (have["guest"]) text = text ";exits;hypercalls;faults;CR3;PGE;MSR;tables"
	n = header(text)
	for (i = 1; i <= nr; i++) {
		r = id[i]
		if (r ~ /^=/) continue
		b = value["native", r]; g = value["guest", r]; x = value["xen", r]
		if (b == "") continue		# not asked for, or left out of the image
		if (have["guest"] && g == "") missing = 1
		ratio = g == "" ? "-" : sprintf("%.2f", g / b)
		c[1] = title[i]; c[2] = short(b); c[3] = short(g); c[4] = ratio
		c[5] = must[i]; c[6] = aim[i]; c[7] = verdict(g == "" ? "" : g / b, must[i], aim[i])
		c[8] = x == "" ? xen[i] : sprintf("%.2f", x / b)
		c[9] = per_op(r, "exits"); c[10] = per_op(r, "exit_hypercall")
		c[11] = per_op(r, "exit_pf"); c[12] = per_op(r, "cr3_writes")
		c[13] = per_op(r, "pge_toggles"); c[14] = per_op(r, "msr_writes")
		c[15] = per_op(r, "table_loads")
		emit(c, n)
	}
	print ""
	n = header("instructions;guest;must;aim;verdict;Xen")
	for (i = 1; i <= nr; i++) {
		r = id[i]
		if (r !~ /^=/) continue
		g = value["guest", r]; x = value["xen", r]
		if (have["guest"] && g == "") missing = 1
		c[1] = title[i]; c[2] = short(g); c[3] = must[i]; c[4] = aim[i]
		c[5] = verdict(g, must[i], aim[i]); c[6] = x == "" ? xen[i] : short(x)
		emit(c, n)
	}
	exit missing ? 2 : missed ? 1 : 0
}
