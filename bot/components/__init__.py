"""Buttons, menus, forms and lists in messages. All of them are registered here."""

from bot.client import AnyButton, AnyModal
from bot.components.edit_modal import EditModal
from bot.components.example_buttons import ExampleButton
from bot.components.film_modal import FilmModal
from bot.components.form_again_button import FormAgainButton
from bot.components.history_list import HistoryList
from bot.components.image_modal import ImageModal
from bot.components.job_buttons import JOB_BUTTONS
from bot.components.moderation_buttons import ClearButton, KeepButton, VerdictButton
from bot.components.moderation_lists import (
    AuditLogList,
    BlockedList,
    LimitsList,
    ModQueueList,
    StyleList,
    WordList,
)
from bot.components.permutation_buttons import ConfirmButton, DiscardButton
from bot.components.preference_form import PreferenceSelect
from bot.components.privacy_buttons import DeleteEverythingButton
from bot.components.queue_list import QueueList
from bot.components.remix_modal import RemixModal
from bot.components.repaint_modal import PanModal, RepaintModal
from bot.components.report_modal import ReportModal
from bot.components.review_queue import ReviewAllButton, ReviewButton
from bot.components.suggestion_buttons import SuggestionButton

BUTTONS: tuple[AnyButton, ...] = (
    *JOB_BUTTONS,
    FormAgainButton,
    PreferenceSelect,
    ExampleButton,
    SuggestionButton,
    ConfirmButton,
    DiscardButton,
    HistoryList,
    QueueList,
    DeleteEverythingButton,
    ModQueueList,
    BlockedList,
    LimitsList,
    WordList,
    StyleList,
    AuditLogList,
    ClearButton,
    KeepButton,
    VerdictButton,
    ReviewButton,
    ReviewAllButton,
)

MODALS: tuple[AnyModal, ...] = (
    EditModal,
    FilmModal,
    ImageModal,
    PanModal,
    RemixModal,
    RepaintModal,
    ReportModal,
)
