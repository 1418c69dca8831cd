"""The table of what enterprises were asked, and what they answered."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import EmptyText, MaybeMoment, Moment, Row, RowId, Text, reference


class SurveySheetRow(Row, table=True):
    """One sheet of a survey: who was asked of which department, and the answer; see `store.model.survey`."""

    __tablename__ = "survey_sheets"
    __table_args__ = (
        sa.UniqueConstraint("subject_id", "recipient", "district"),
        reference("subjects", "subject_id"),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    subject_id: int
    survey: Text
    recipient: Text
    enterprise: EmptyText
    department: EmptyText
    sent_at: Moment
    arrival_id: int | None
    marks: EmptyText  # JSON, by what was asked of
    remarks: EmptyText
    answered_at: MaybeMoment
