-- By which VEX that lies beside it an image in a repository is counted: the number of the referrer's row, and what the referrer refers to,
-- the image or an index that lists it.
CREATE TABLE finding_beside (
  repository_id {int} NOT NULL,
  image {blob} NOT NULL,
  referrer_id {int} NOT NULL,
  subject {blob} NOT NULL,
  PRIMARY KEY (repository_id, image, referrer_id)
) {clustered};
CREATE INDEX finding_beside_by_image ON finding_beside (image, repository_id);
CREATE INDEX finding_beside_by_subject ON finding_beside (repository_id, subject, image);
CREATE INDEX finding_beside_by_referrer ON finding_beside (referrer_id);
