"""The message box: typing, choosing options, dropping and pasting files."""

import base64
import io

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


def red_png() -> bytes:
    with io.BytesIO() as out:
        Image.new("RGB", (64, 64), "red").save(out, "PNG")
        return out.getvalue()


async def test_mistakes_are_shown_beside_their_option(screen: Screen) -> None:
    await screen.composer.fill("/imagine include: a red circle steps: many count: 9")
    form = screen.page.get_by_role("form", name="Command /imagine")
    await expect(form).to_be_visible()
    await screen.keyboard.press("Enter")
    wrong = form.locator("[aria-invalid=true]")
    await expect(wrong).to_have_count(1)
    await expect(wrong).to_be_focused()
    await expect(form.locator("[data-option=count]")).to_contain_text("between 1 and 4")
    await form.get_by_role("textbox", name="count").fill("1")
    await screen.keyboard.press("Enter")
    await expect(form.locator("[data-option=steps]")).to_contain_text("Enter a number")
    await form.get_by_role("textbox", name="steps").fill("10")
    await form.get_by_role("combobox", name="include").fill("")
    await screen.keyboard.press("Enter")
    await expect(form.locator("[data-option=include]")).to_contain_text("This option is required")
    await expect(screen.messages).to_have_count(0)
    await screen.button("Cancel", form).click()
    await expect(screen.composer).to_be_focused()


async def test_the_bot_suggests_earlier_requests(screen: Screen) -> None:
    prompt = "a pink heart on a striped background"
    await screen.imagine(prompt, steps=10)
    await screen.type_command("/imagine ")
    await screen.keyboard.type("stri")
    suggestion = screen.page.get_by_role("option", name=prompt)
    await expect(suggestion).to_be_visible()
    await suggestion.click()
    await expect(screen.page.get_by_role("combobox", name="include")).to_have_value(prompt)
    await expect(screen.page.get_by_role("listbox")).to_have_count(0)


async def test_an_image_is_dropped_on_a_command_or_pasted_or_picked(screen: Screen) -> None:
    """A dropped file goes into the first free file option, `image`; a pasted one into `like`."""
    await screen.type_command("/imagine a red circle")
    await _transfer_image(screen, "drop", "start.png")
    form = screen.page.get_by_role("form", name="Command /imagine")
    await expect(form.locator("[data-option=image]")).to_contain_text("start.png")
    await _transfer_image(screen, "paste", "liked.png")
    await expect(form.locator("[data-option=like]")).to_contain_text("liked.png")
    await screen.button("Remove like", form).click()
    await screen.button("Send", form).click()
    await expect(screen.messages.first).to_contain_text(
        "from an image, strength 0.5", timeout=PATIENCE
    )

    await screen.page.get_by_label("Files for the message").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": red_png()}
    )
    await screen.composer.fill("Look at **this**")
    await screen.keyboard.press("Enter")
    message = screen.messages.nth(1)
    await expect(message.get_by_role("img", name="mine.png")).to_be_visible()
    await expect(message.locator("strong")).to_have_text("this")

    await message.click(button="right", position={"x": 120, "y": 10})
    await screen.page.get_by_role("menuitem", name="Imagine from this image").click()
    dialog = screen.page.get_by_role("dialog", name="Imagine from this image")
    await dialog.get_by_label("Include").fill("a red heart")
    await screen.button("Submit", dialog).click()
    await expect(screen.messages.nth(2)).to_contain_text("a red heart")


async def _transfer_image(screen: Screen, how: str, name: str) -> None:
    """Dispatches the event of dropping or pasting an image file. `how` is `drop` or `paste`."""
    await screen.page.evaluate(
        """([how, name, text]) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type: "image/png" }));
            const options = { bubbles: true, cancelable: true };
            const event = how === "drop"
                ? new DragEvent("drop", { dataTransfer: data, ...options })
                : new ClipboardEvent("paste", { clipboardData: data, ...options });
            document.activeElement.dispatchEvent(event);
        }""",
        [how, name, base64.b64encode(red_png()).decode()],
    )


async def test_markup_from_members_is_shown_as_text(screen: Screen) -> None:
    """HTML is escaped in messages and job messages."""
    markup = "<img src=x onerror=alert(1)> a red circle <script>alert(2)</script>"
    await screen.composer.fill(markup)
    await screen.keyboard.press("Enter")
    await expect(screen.messages.first).to_contain_text(markup)
    job_message = await screen.imagine(markup, steps=10)
    await expect(job_message).to_contain_text("<script>alert(2)</script>")
    assert await screen.page.locator("img[src=x], li script").count() == 0


async def test_a_command_is_closed_by_escape_and_by_acting_as_somebody_else(
    screen: Screen,
) -> None:
    form = screen.page.get_by_role("form", name="Command /imagine")
    await screen.composer.fill("/imagine include: a red circle")
    await expect(form).to_be_visible()
    await screen.page.get_by_role("heading", level=1).click()  # the focus leaves the form
    await screen.keyboard.press("Escape")
    await expect(form).to_have_count(0)
    await screen.composer.fill("/imagine include: a red circle")
    await expect(form).to_be_visible()
    await screen.act_as("Ben")
    await expect(form).to_have_count(0)


async def test_commands_are_offered_in_the_language_that_was_just_chosen(screen: Screen) -> None:
    await screen.composer.fill("/he")
    await expect(screen.suggestions.first).to_be_visible()
    english = await screen.suggestions.first.inner_text()
    await screen.composer.fill("")
    language = screen.page.get_by_label("Your language in Discord")
    await language.select_option("Deutsch")
    await expect(language).to_have_value("de")
    await expect(screen.page.get_by_role("log")).to_be_visible()
    await screen.page.wait_for_timeout(500)
    await screen.composer.fill("/he")  # at once, like a paste, so that "/" is never there alone
    await expect(screen.suggestions.first).not_to_have_text(english)
    await language.select_option("English")
    await expect(language).to_have_value("en-US")


async def test_a_choice_that_does_not_exist_is_refused_and_not_dropped(screen: Screen) -> None:
    count = await screen.messages.count()
    await screen.composer.fill("/imagine include: a red circle tile: 1x1")
    form = screen.page.get_by_role("form", name="Command /imagine")
    await expect(form).to_be_visible()
    await screen.keyboard.press("Enter")
    await expect(form.locator("[aria-invalid=true]")).to_be_visible()
    await expect(form).to_contain_text("Choose one of")
    await expect(screen.messages).to_have_count(count)
    await screen.keyboard.press("Escape")


async def test_the_page_itself_never_scrolls(screen: Screen) -> None:
    """Text that only screen readers see makes it no pixel too high or too wide."""
    await _assert_page_fits(screen)
    await screen.type_command("/imagine a red circle")
    await _assert_page_fits(screen)
    await _transfer_image(screen, "drop", f"{'wide ' * 30}.png")
    form = screen.page.get_by_role("form", name="Command /imagine")
    await expect(form.locator("[data-option=image]")).to_contain_text(".png")
    await form.get_by_role("button", name="Add style:").click()
    await expect(screen.suggestions.first).to_be_visible()
    await _assert_page_fits(screen)
    await screen.keyboard.press("Escape")


async def _assert_page_fits(screen: Screen) -> None:
    excess = await screen.page.evaluate(
        "[document.documentElement.scrollHeight - innerHeight,"
        " document.documentElement.scrollWidth - innerWidth]"
    )
    assert excess == [0, 0]


async def test_a_reaction_is_added_from_the_menu_and_removed_by_a_press(screen: Screen) -> None:
    await screen.composer.fill("What a day")
    await screen.keyboard.press("Enter")
    message = screen.messages.first
    await message.get_by_role("button", name="More for this message").click()
    await screen.page.get_by_role("menuitem", name="React with ⭐").click()
    star = message.get_by_role("button", name="⭐, 1 reaction")
    await expect(star).to_have_attribute("aria-pressed", "true")
    await screen.act_as("Ben")
    await expect(star).to_have_attribute("aria-pressed", "false")
    await star.click()
    both = message.get_by_role("button", name="⭐, 2 reactions")
    await expect(both).to_have_attribute("aria-pressed", "true")
    await both.click()
    await expect(star).to_have_attribute("aria-pressed", "false")
    await screen.act_as("Ada")
    await star.click()
    await expect(star).to_have_count(0)
