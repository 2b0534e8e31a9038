"""The matching as SQL text, step by step: each makes one table from those before.

The text keeps to what DuckDB and Apache Spark read alike (``CREATE TABLE … AS``, ``CASE``, window functions and ``NOT
EXISTS``; no ``FILTER``, no ``QUALIFY``, no update in place, no type with a name of its own), so that a cluster can run
the same words: both run every text here in the tests. ``{tolerance}``, ``{window}`` and ``{by_amount}`` are
whole numbers, never text.

It begins with ``theirs (line, part, name, amount, day, moved, fee)`` and ``ours (number, id, name, amount, day, moved,
fee, due)``: amounts in fen, signed from the merchant's side; days since 1970; flags as 0 and 1. ``due`` says that the
file's period holds the row, so it must be there.
"""

from __future__ import annotations

ANY_DAY = 1_000_000
"""A window that holds every day."""

RENAMED = """
SELECT t.line, t.part, coalesce(o.name, t.name) AS name, t.amount, t.day, t.moved, t.fee
FROM theirs AS t LEFT JOIN (SELECT alias, min(name) AS name FROM aliases GROUP BY alias) AS o ON o.alias = t.name
"""
NO_PAIRS = "SELECT line, part, CAST(NULL AS {text}) AS id FROM theirs WHERE 1 = 0"

LOOKED = """
SELECT t.line * 2 + t.part AS mark, o.number,
       CASE WHEN t.moved = 1 AND o.moved = 1 AND abs(t.day - o.day) <= {window}
             AND (t.fee IS NULL OR o.fee IS NULL OR abs(t.fee - o.fee) <= {tolerance})
            THEN 1 ELSE 0 END AS agrees
FROM theirs AS t FULL JOIN ours AS o ON t.name = o.name AND t.amount = o.amount
"""
"""The first look, one join: rows of the same name and amount, and the rest of either side."""

OPEN_NAMES = """
SELECT DISTINCT name FROM (
    SELECT t.name FROM theirs AS t JOIN (
        SELECT mark FROM looked WHERE agrees = 0 AND mark IS NOT NULL
        UNION ALL SELECT mark FROM looked WHERE agrees = 1 GROUP BY mark HAVING count(*) > 1
    ) AS unsettled ON unsettled.mark = t.line * 2 + t.part
    UNION ALL
    SELECT o.name FROM ours AS o JOIN (
        SELECT number FROM looked WHERE agrees = 0 AND number IS NOT NULL
        UNION ALL SELECT number FROM looked WHERE agrees = 1 GROUP BY number HAVING count(*) > 1
    ) AS unsettled ON unsettled.number = o.number
) AS named
WHERE name IS NOT NULL
"""
"""Names of which a row has no counterpart or more than one; only their rows are looked at closely."""

OPEN_THEIRS = """
SELECT t.line, t.part, t.name, t.amount, t.day, t.moved, t.fee,
       row_number() OVER (PARTITION BY t.name, t.amount, t.day, t.part ORDER BY t.line) AS copy,
       min(t.line) OVER (PARTITION BY t.name, t.amount, t.day, t.part) AS first_line
FROM theirs AS t
WHERE t.name IS NULL OR EXISTS (SELECT 1 FROM open_names AS n WHERE n.name = t.name)
"""
OPEN_OURS = """
SELECT o.id, o.name, o.amount, o.day, o.moved, o.fee, o.due
FROM ours AS o WHERE EXISTS (SELECT 1 FROM open_names AS n WHERE n.name = o.name)
"""
LEFT_THEIRS = "SELECT line, part, {bucket} AS bucket, amount, day, fee FROM {rows} WHERE {which}"
LEFT_OURS = "SELECT id, {bucket} AS bucket, amount, day, fee FROM {rows} WHERE {which}"

IN_ORDER = """
WITH both_sides AS (
    SELECT bucket, amount, day, 0 AS side, line AS number, part, '' AS id FROM {theirs}
    UNION ALL
    SELECT bucket, amount, day, 1 AS side, 0 AS number, 0 AS part, id FROM {ours}
), gaps AS (
    SELECT *, CASE WHEN day - lag(day) OVER (PARTITION BY bucket, amount ORDER BY day, side, number, part, id)
                        <= {window} THEN 0 ELSE 1 END AS gap
    FROM both_sides
), clusters AS (
    SELECT *, sum(gap) OVER (PARTITION BY bucket, amount ORDER BY day, side, number, part, id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS cluster
    FROM gaps
), places AS (
    SELECT *, row_number() OVER (PARTITION BY bucket, amount, cluster, side ORDER BY day, number, part, id) AS place
    FROM clusters
)
SELECT t.number AS line, t.part, o.id
FROM places AS t JOIN places AS o
  ON t.bucket = o.bucket AND t.amount = o.amount AND t.cluster = o.cluster AND t.place = o.place
WHERE t.side = 0 AND o.side = 1 AND abs(t.day - o.day) <= {window}
"""
"""Pairs of the same amount, in the order of their days, within each cluster of days that the window joins."""

NEAREST = """
WITH candidates AS (
    SELECT t.line, t.part, o.id, abs(t.day - o.day) AS apart
    FROM {theirs} AS t JOIN {ours} AS o ON t.bucket = o.bucket AND t.amount = o.amount
    WHERE abs(t.day - o.day) <= {window}
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY line, part ORDER BY apart, id) AS for_them,
              row_number() OVER (PARTITION BY id ORDER BY apart, line, part) AS for_us
    FROM candidates
)
SELECT line, part, id FROM ranked WHERE for_them = 1 AND for_us = 1
"""
"""Pairs of which each is the other's nearest: for what the order of days could not pair."""

STILL_THEIRS = """
SELECT l.* FROM {theirs} AS l
WHERE NOT EXISTS (SELECT 1 FROM {pairs} AS p WHERE p.line = l.line AND p.part = l.part)
"""
STILL_OURS = "SELECT l.* FROM {ours} AS l WHERE NOT EXISTS (SELECT 1 FROM {pairs} AS p WHERE p.id = l.id)"

REST_THEIRS = """
SELECT t.* FROM open_theirs AS t
WHERE t.moved = 1 AND NOT EXISTS (SELECT 1 FROM pairs AS p WHERE p.line = t.line AND p.part = t.part)
"""
REST_OURS = """
SELECT o.* FROM open_ours AS o WHERE o.moved = 1 AND NOT EXISTS (SELECT 1 FROM pairs AS p WHERE p.id = o.id)
"""
GROUPS = """
SELECT *,
       CASE WHEN theirs_n = 0 OR ours_n = 0 THEN 0
            WHEN theirs_last - ours_first > {window} OR ours_last - theirs_first > {window} THEN 0
            ELSE 1 END AS near,
       CASE WHEN firsts_n = 0 OR abs(theirs_sum - ours_sum) <= abs(firsts_sum - ours_sum) THEN 1 ELSE 0 END AS whole
FROM (
    SELECT name, sum(t) AS theirs_n, sum(o) AS ours_n, sum(t * amount) AS theirs_sum, sum(o * amount) AS ours_sum,
           sum(f) AS firsts_n, sum(f * amount) AS firsts_sum,
           min(CASE WHEN t = 1 THEN day END) AS theirs_first, max(CASE WHEN t = 1 THEN day END) AS theirs_last,
           min(CASE WHEN o = 1 THEN day END) AS ours_first, max(CASE WHEN o = 1 THEN day END) AS ours_last,
           sum(CASE WHEN t = 1 AND fee IS NULL THEN 1 ELSE 0 END) AS without_fee,
           sum(t * coalesce(fee, 0)) AS theirs_fee, sum(o * coalesce(fee, 0)) AS ours_fee,
           min(CASE WHEN o = 1 THEN id END) AS ours_id
    FROM (SELECT name, amount, day, fee, 1 AS t, 0 AS o, CASE WHEN copy = 1 THEN 1 ELSE 0 END AS f,
                 CAST(NULL AS {text}) AS id
          FROM rest_theirs WHERE name IS NOT NULL
          UNION ALL
          SELECT name, amount, day, fee, 0 AS t, 1 AS o, 0 AS f, id FROM rest_ours) AS left_over
    GROUP BY name) AS summed
"""
"""What no pair explains, by name: a sum of several rows may still agree, with or without rows that repeat others."""

VERDICTS_OF_REST = """
SELECT t.line, t.part, t.amount AS theirs, t.first_line, t.name,
       CASE WHEN g.name IS NULL THEN CASE WHEN t.copy > 1 THEN 'duplicate' ELSE 'missing_here' END
            WHEN g.near = 0 THEN CASE WHEN t.copy > 1 AND g.ours_n = 0 THEN 'duplicate' ELSE 'missing_here' END
            WHEN g.whole = 0 AND t.copy > 1 THEN 'duplicate'
            WHEN abs(CASE WHEN g.whole = 1 THEN g.theirs_sum ELSE g.firsts_sum END - g.ours_sum) > {tolerance}
                 THEN 'amount_differs'
            WHEN g.without_fee = 0 AND abs(g.theirs_fee - g.ours_fee) > {tolerance} THEN 'fee_differs'
            ELSE 'matched' END AS verdict,
       CASE WHEN g.near = 1 THEN g.ours_id END AS ours_id,
       CASE WHEN g.near = 1 THEN g.ours_sum END AS ours,
       CASE WHEN g.whole = 1 THEN g.theirs_sum ELSE g.firsts_sum END - g.ours_sum AS apart,
       g.theirs_fee - g.ours_fee AS fee_apart,
       CASE WHEN g.ours_n > 0 THEN g.near END AS near,
       g.ours_fee
FROM rest_theirs AS t LEFT JOIN name_groups AS g ON g.name = t.name
"""
PAIR_FEES = """
SELECT p.line, p.part, t.amount AS theirs, o.id AS ours_id, o.amount AS ours, t.fee - o.fee AS fee_apart
FROM pairs AS p JOIN open_theirs AS t ON t.line = p.line AND t.part = p.part
     JOIN open_ours AS o ON o.id = p.id
WHERE t.moved = 1 AND t.fee IS NOT NULL AND o.fee IS NOT NULL AND abs(t.fee - o.fee) > {tolerance}
"""
UNMOVED = """
SELECT t.line, t.part, t.amount AS theirs, g.ours_id, g.ours_sum AS ours, t.name
FROM open_theirs AS t JOIN (
    SELECT name, sum(amount) AS ours_sum, min(id) AS ours_id FROM rest_ours GROUP BY name) AS g
  ON g.name = t.name
WHERE t.moved = 0 AND g.ours_sum <> 0
"""
"""Their rows that say nothing was paid, where something was paid here."""

OURS_UNMOVED = """
SELECT line, part, theirs, id AS ours_id, ours FROM (
    SELECT v.line, v.part, v.theirs, o.id, o.amount AS ours,
           row_number() OVER (PARTITION BY v.line, v.part ORDER BY o.id) AS place,
           row_number() OVER (PARTITION BY o.id ORDER BY v.line, v.part) AS taken
    FROM rest_verdicts AS v JOIN open_theirs AS t ON t.line = v.line AND t.part = v.part
         JOIN open_ours AS o ON o.moved = 0 AND o.amount = v.theirs
              AND (o.name = v.name OR ({by_amount} = 1 AND abs(o.day - t.day) <= {window}))
    WHERE v.verdict = 'missing_here') AS candidates
WHERE place = 1 AND taken = 1
"""
"""Their rows that say something was paid, where it failed or is still pending here."""

MISSING_THERE = """
SELECT o.id, o.amount, o.name, o.day FROM rest_ours AS o
     LEFT JOIN name_groups AS g ON g.name = o.name
WHERE o.due = 1 AND (g.near IS NULL OR g.near = 0)
  AND NOT EXISTS (SELECT 1 FROM unmoved AS u WHERE u.name = o.name)
"""

NEAR_MISSES = """
SELECT line, part, id FROM (
    SELECT v.line, v.part, o.id, count(*) OVER (PARTITION BY v.line, v.part) AS ours_n,
           count(*) OVER (PARTITION BY o.id) AS theirs_n
    FROM rest_verdicts AS v JOIN open_theirs AS t ON t.line = v.line AND t.part = v.part
         JOIN missing_there AS o ON o.amount = v.theirs
    WHERE v.verdict = 'missing_here' AND abs(o.day - t.day) <= {near_days}) AS candidates
WHERE ours_n = 1 AND theirs_n = 1
"""
"""What is missing on both sides with one and the same amount, and nothing else has it: perhaps a mistyped reference."""

PARTS = """
SELECT v.line, v.part, v.theirs, CASE WHEN s.line IS NOT NULL THEN 'status_differs' ELSE v.verdict END AS verdict,
       coalesce(s.ours_id, v.ours_id) AS ours_id, coalesce(s.ours, v.ours) AS ours,
       CASE WHEN s.line IS NOT NULL THEN v.theirs
            WHEN v.verdict = 'fee_differs' THEN v.fee_apart
            WHEN v.verdict = 'amount_differs' THEN v.apart ELSE v.theirs END AS difference,
       CASE WHEN s.line IS NOT NULL THEN NULL
            WHEN v.verdict = 'duplicate' THEN 'repeats_line'
            WHEN v.verdict = 'amount_differs' AND v.apart + v.ours_fee = 0 THEN 'is_net_of_fee'
            WHEN v.verdict = 'missing_here' AND v.near = 0 THEN 'outside_window'
            WHEN n.id IS NOT NULL THEN 'other_reference' END AS suggestion,
       CASE WHEN v.verdict = 'duplicate' THEN v.first_line END AS suggested_line, n.id AS suggested_id
FROM rest_verdicts AS v
     LEFT JOIN ours_unmoved AS s ON s.line = v.line AND s.part = v.part
     LEFT JOIN near_misses AS n ON n.line = v.line AND n.part = v.part
WHERE v.verdict <> 'matched'
UNION ALL
SELECT line, part, theirs, 'status_differs', ours_id, ours, -ours, NULL, NULL, NULL FROM unmoved
UNION ALL
SELECT line, part, theirs, 'fee_differs', ours_id, ours, fee_apart, NULL, NULL, NULL FROM pair_fees
"""
EXCEPTIONS = """
SELECT line, verdict, theirs, ours_id, ours, difference, suggestion, suggested_line, suggested_id, ours_day FROM (
    SELECT *, CAST(NULL AS INTEGER) AS ours_day, row_number() OVER (PARTITION BY line ORDER BY
           CASE verdict WHEN 'duplicate' THEN 1 WHEN 'amount_differs' THEN 2 WHEN 'missing_here' THEN 3
                        WHEN 'status_differs' THEN 4 ELSE 5 END, part) AS place
    FROM parts) AS ordered
WHERE place = 1
UNION ALL
SELECT NULL, 'missing_there', NULL, m.id, m.amount, -m.amount,
       CASE WHEN n.line IS NOT NULL THEN 'other_reference' END, n.line, NULL, m.day
FROM missing_there AS m LEFT JOIN near_misses AS n ON n.id = m.id
"""
"""One row for each line of the file that does not agree, and one for each of ours that the file lacks."""

BEFORE_PAIRS = (
    ("looked", LOOKED),
    ("open_names", OPEN_NAMES),
    ("open_theirs", OPEN_THEIRS),
    ("open_ours", OPEN_OURS),
)
AFTER_PAIRS = (
    ("rest_theirs", REST_THEIRS),
    ("rest_ours", REST_OURS),
    ("name_groups", GROUPS),
    ("rest_verdicts", VERDICTS_OF_REST),
    ("pair_fees", PAIR_FEES),
    ("unmoved", UNMOVED),
    ("ours_unmoved", OURS_UNMOVED),
    ("missing_there", MISSING_THERE),
    ("near_misses", NEAR_MISSES),
    ("parts", PARTS),
    ("exceptions", EXCEPTIONS),
)
