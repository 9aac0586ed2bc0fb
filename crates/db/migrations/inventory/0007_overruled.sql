-- What VEX says is affected although its publisher denies it counts in lists too, and what the distribution answers for in an image does
-- not: `verdict` is 0 where the distribution answers for it. Images are counted again, which decides all anew.
DELETE FROM finding_decisions;
UPDATE finding_totals SET fresh = 0;

-- Of a vulnerability and a component, where it counts by the word of VEX.
CREATE INDEX finding_decisions_counted ON finding_decisions (component_id, vulnerability_id, image_id, repository_id) WHERE verdict = 3;
