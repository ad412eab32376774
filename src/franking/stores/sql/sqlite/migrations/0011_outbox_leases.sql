-- Whether next_at of a touchpoint's lane is until when somebody tells it: an event that is had again
-- meanwhile must not bring a second teller to it.
ALTER TABLE outbox_lane ADD COLUMN leased INTEGER NOT NULL DEFAULT 0;
