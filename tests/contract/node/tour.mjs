// A tour of the local Notion with the published client for JavaScript: node tour.mjs URL [plus]
// With "plus", of a workspace whose plan takes files in parts.
import assert from "node:assert/strict"
import { Client, APIErrorCode, collectPaginatedAPI, isNotionClientError } from "@notionhq/client"

const PAGE = "00000000-0000-4000-8000-000000000001"
const baseUrl = process.argv[2]
const text = content => [{ type: "text", text: { content } }]
const plain = items => items.map(item => item.plain_text).join("")

async function refused(promise, code) {
  await assert.rejects(promise, error => {
    assert.ok(isNotionClientError(error), String(error))
    assert.equal(error.code, code)
    return true
  })
}

async function users(notion) {
  const me = await notion.users.me({})
  assert.equal(me.type, "bot")
  assert.equal((await notion.users.retrieve({ user_id: me.id })).name, me.name)
  const listed = await collectPaginatedAPI(notion.users.list, { page_size: 1 })
  assert.ok(listed.some(user => user.id === me.id))
  return listed.find(user => user.type === "person").id
}

async function pages(notion) {
  const page = await notion.pages.create({ parent: { page_id: PAGE }, properties: { title: { title: text("Tour") } } })
  assert.equal(plain((await notion.pages.retrieve({ page_id: page.id })).properties.title.title), "Tour")
  const renamed = await notion.pages.update({
    page_id: page.id, properties: { title: { title: text("Renamed") } }, icon: { emoji: "🐍" }, is_locked: true,
  })
  assert.equal(renamed.icon.emoji, "🐍")
  assert.equal(renamed.is_locked, true)
  return page.id
}

async function schema(notion, page) {
  const other = await notion.databases.create({
    parent: { type: "page_id", page_id: page }, title: text("Releases"),
    initial_data_source: { properties: { Name: { title: {} } } },
  })
  const releases = other.data_sources[0].id
  const database = await notion.databases.create({
    parent: { type: "page_id", page_id: page }, title: text("Checks"), is_inline: true,
    initial_data_source: {
      properties: {
        Name: { title: {} }, Done: { checkbox: {} }, Order: { number: {} }, Note: { rich_text: {} },
        Result: { select: { options: [{ name: "Passed", color: "green" }] } }, Tags: { multi_select: {} },
        State: { status: {} }, When: { date: {} }, Files: { files: {} }, Who: { people: {} }, ID: { unique_id: {} },
        Release: { relation: { data_source_id: releases, dual_property: { synced_property_name: "Checks" } } },
      },
    },
  })
  assert.equal((await notion.databases.retrieve({ database_id: database.id })).is_inline, true)
  const checks = database.data_sources[0].id
  const changed = await notion.dataSources.update({
    data_source_id: releases,
    properties: { Ticked: { rollup: {
      function: "percent_checked", relation_property_name: "Checks", rollup_property_name: "Done",
    } } },
  })
  assert.equal(changed.properties.Ticked.type, "rollup")
  const retrieved = await notion.dataSources.retrieve({ data_source_id: checks })
  assert.equal(retrieved.properties.Release.relation.type, "dual_property")
  return { database: database.id, checks, releases }
}

async function rows(notion, { checks, releases }, person) {
  const release = await notion.pages.create({
    parent: { data_source_id: releases }, properties: { Name: { title: text("v1") } },
  })
  const made = []
  for (let number = 0; number < 4; number++) {
    made.push(await notion.pages.create({
      parent: { data_source_id: checks },
      properties: {
        Name: { title: text(`Row ${number}`) }, Done: { checkbox: number % 2 === 0 }, Order: { number },
        Result: { select: number ? { name: "Passed" } : null }, Tags: { multi_select: [{ name: "a" }] },
        When: { date: { start: `2026-07-0${number + 1}` } }, Who: { people: [{ id: person }] },
        Release: { relation: [{ id: release.id }] }, Note: { rich_text: text("note") },
      },
    }))
  }
  assert.equal(made[3].properties.ID.unique_id.number, 4)
  assert.equal(made[0].properties.State.status.name, "Not started")
  const rolled = await notion.pages.retrieve({ page_id: release.id })
  assert.equal(rolled.properties.Ticked.rollup.number, 0.5)
  assert.equal(rolled.properties.Checks.relation.length, 4)
  const related = await collectPaginatedAPI(notion.pages.properties.retrieve, {
    page_id: release.id, property_id: rolled.properties.Checks.id, page_size: 3,
  })
  assert.deepEqual(related.map(item => item.relation.id), made.map(row => row.id))
  return made
}

async function queries(notion, { checks }, person) {
  const names = async body => {
    const found = await collectPaginatedAPI(notion.dataSources.query, { data_source_id: checks, page_size: 2, ...body })
    return found.map(row => plain(row.properties.Name.title))
  }
  const sorts = [{ property: "Order", direction: "descending" }]
  assert.deepEqual(await names({ sorts }), ["Row 3", "Row 2", "Row 1", "Row 0"])
  assert.deepEqual(await names({ sorts, filter: { property: "Done", checkbox: { equals: true } } }), ["Row 2", "Row 0"])
  assert.deepEqual(await names({ filter: { property: "Result", select: { is_empty: true } } }), ["Row 0"])
  assert.deepEqual(await names({ filter: { property: "When", date: { after: "2026-07-03" } } }), ["Row 3"])
  assert.deepEqual(await names({ sorts, filter: { and: [
    { property: "Who", people: { contains: person } },
    { or: [{ property: "Order", number: { less_than: 1 } }, { property: "Name", title: { ends_with: "3" } }] },
  ] } }), ["Row 3", "Row 0"])
  assert.equal((await names({ filter: { timestamp: "created_time", created_time: { this_week: {} } } })).length, 4)
  const cut = await notion.dataSources.query({ data_source_id: checks, filter_properties: ["title"], page_size: 1 })
  assert.deepEqual(Object.keys(cut.results[0].properties), ["Name"])
}

async function blocks(notion, page, newest) {
  const children = [
    { heading_1: { rich_text: text("Head") } },
    { to_do: { rich_text: text("Do"), checked: true } },
    { table: { table_width: 2, children: [{ table_row: { cells: [text("a"), text("b")] } }] } },
    { toggle: { rich_text: text("Fold"), children: [{ paragraph: { rich_text: text("inside") } }] } },
  ]
  const first = await notion.blocks.children.append({ block_id: page, children })
  assert.deepEqual(first.results.map(block => block.type), ["heading_1", "to_do", "table", "toggle"])
  const place = newest
    ? { position: { type: "after_block", after_block: { id: first.results[0].id } } }
    : { after: first.results[0].id }
  await notion.blocks.children.append({ block_id: page, children: [{ divider: {} }], ...place })
  const listed = await collectPaginatedAPI(notion.blocks.children.list, { block_id: page, page_size: 2 })
  const types = listed.map(block => block.type).filter(type => type !== "child_database")
  assert.deepEqual(types, ["heading_1", "divider", "to_do", "table", "toggle"])
  const inside = await notion.blocks.children.list({ block_id: first.results[3].id })
  assert.equal(plain(inside.results[0].paragraph.rich_text), "inside")
  const changed = await notion.blocks.update({ block_id: first.results[1].id, to_do: { checked: false, rich_text: text("Do") } })
  assert.equal(changed.to_do.checked, false)
  assert.equal((await notion.blocks.delete({ block_id: first.results[1].id })).in_trash, true)
}

async function files(notion, row) {
  const upload = await notion.fileUploads.create({ filename: "log.txt", content_type: "text/plain" })
  assert.equal(upload.status, "pending")
  const data = new Blob(["deployed\n"], { type: "text/plain" })
  const sent = await notion.fileUploads.send({ file_upload_id: upload.id, file: { filename: "log.txt", data } })
  assert.equal(sent.status, "uploaded")
  const page = await notion.pages.update({
    page_id: row,
    properties: { Files: { files: [{ type: "file_upload", file_upload: { id: upload.id }, name: "log.txt" }] } },
  })
  const [file] = page.properties.Files.files
  assert.equal(await (await fetch(file.file.url)).text(), "deployed\n")
  const listed = await notion.fileUploads.list({ status: "uploaded" })
  assert.ok(listed.results.some(one => one.id === upload.id))
}

async function views(notion, { database, checks }) {
  const view = await notion.views.create({
    database_id: database, data_source_id: checks, name: "Open", type: "table",
    filter: { property: "Done", checkbox: { equals: false } },
  })
  assert.equal((await notion.views.retrieve({ view_id: view.id })).name, "Open")
  assert.equal((await notion.views.update({ view_id: view.id, name: "Left" })).name, "Left")
  const listed = await notion.views.list({ database_id: database })
  assert.ok(listed.results.some(one => one.id === view.id))
  assert.equal((await notion.views.delete({ view_id: view.id })).id, view.id)
}

async function rest(notion, page, row) {
  const comment = await notion.comments.create({ parent: { page_id: row }, rich_text: text("Why?") })
  await notion.comments.create({ discussion_id: comment.discussion_id, rich_text: text("Because.") })
  assert.equal((await notion.comments.list({ block_id: row })).results.length, 2)
  const found = await notion.search({ query: "Renamed", filter: { property: "object", value: "page" } })
  assert.ok(found.results.some(one => one.id === page))
  const moved = await notion.pages.move({ page_id: row, parent: { page_id: page } })
  assert.equal(moved.parent.page_id, page)
  await refused(notion.pages.retrieve({ page_id: "12345678-1234-4234-8234-123456789abc" }), APIErrorCode.ObjectNotFound)
  await refused(notion.pages.update({ page_id: page, properties: { Nobody: { number: 1 } } }), APIErrorCode.ValidationError)
  await refused(
    new Client({ auth: "secret", baseUrl, retry: false }).users.me({}), APIErrorCode.Unauthorized,
  )
  assert.equal((await notion.pages.update({ page_id: page, in_trash: true })).in_trash, true)
}

async function newer(notion, page, { database, checks }, row) {
  const written = await notion.pages.create({
    parent: { page_id: page }, properties: { title: { title: text("Written") } }, markdown: "# Head\n- **one**",
    position: { type: "page_start" },
  })
  assert.equal((await notion.pages.retrieveMarkdown({ page_id: written.id })).markdown, "# Head\n- **one**")
  const task = await notion.pages.updateMarkdown({
    page_id: written.id, allow_async: true,
    type: "replace_content", replace_content: { new_str: "> all new" },
  })
  assert.equal(task.object, "async_task")
  const done = await notion.asyncTasks.retrieve({ task_id: task.id })
  assert.equal(done.status, "succeeded")
  assert.equal(done.result.markdown, "> all new")

  const view = await notion.views.create({
    database_id: database, data_source_id: checks, name: "Done", type: "list",
    quick_filters: { Done: { checkbox: { equals: true } } }, sorts: [{ property: "Order", direction: "descending" }],
  })
  const query = await notion.views.queries.create({ view_id: view.id, page_size: 1 })
  assert.equal(query.total_count, 2)
  const rest = await notion.views.queries.results({ view_id: view.id, query_id: query.id, start_cursor: query.next_cursor })
  assert.equal(rest.results.length, 1)
  assert.equal((await notion.views.queries.delete({ view_id: view.id, query_id: query.id })).deleted, true)
  const dashboard = await notion.views.create({
    database_id: database, data_source_id: checks, name: "Board", type: "dashboard",
  })
  const widget = await notion.views.create({
    view_id: dashboard.id, data_source_id: checks, name: "Widget", type: "table", placement: { type: "new_row" },
  })
  assert.equal(widget.dashboard_view_id, dashboard.id)
  const shown = await notion.views.retrieve({ view_id: dashboard.id })
  assert.equal(shown.configuration.rows[0].widgets[0].view_id, widget.id)

  const source = await notion.dataSources.create({
    parent: { type: "database_id", database_id: database }, title: text("More"), properties: { Name: { title: {} } },
  })
  assert.deepEqual((await notion.dataSources.listTemplates({ data_source_id: source.id })).templates, [])
  assert.equal((await notion.databases.update({ database_id: database, is_inline: false })).is_inline, false)

  const comment = await notion.comments.create({ parent: { page_id: row }, markdown: "**Well**?" })
  assert.equal(comment.rich_text[0].annotations.bold, true)
  assert.equal((await notion.comments.retrieve({ comment_id: comment.id })).id, comment.id)
  assert.equal(plain((await notion.comments.update({ comment_id: comment.id, rich_text: text("So") })).rich_text), "So")
  assert.equal((await notion.comments.delete({ comment_id: comment.id })).id, comment.id)

  const far = await notion.fileUploads.create({
    mode: "external_url", external_url: "https://example.org/a.mp3", filename: "a.mp3",
  })
  const uploaded = await until(() => notion.fileUploads.retrieve({ file_upload_id: far.id }), one => one.status === "uploaded")
  assert.equal(uploaded.file_import_result.type, "success")
  const notes = await notion.blocks.meetingNotes.create({
    title: "Retro", source: { type: "file_upload", file_upload_id: far.id }, parent: { type: "page_id", page_id: page },
  })
  assert.equal(notes.meeting_notes.status, "transcription_not_started")
  const held = await notion.blocks.meetingNotes.query({ sort: [{ property: "created_time", direction: "descending" }] })
  assert.equal(held.results[0].id, notes.id)
  assert.equal((await notion.blocks.retrieve({ block_id: notes.id })).type, "meeting_notes")
  await notion.customEmojis.list({ page_size: 1 })
}

async function parts(notion) {
  const upload = await notion.fileUploads.create({ mode: "multi_part", filename: "b.txt", number_of_parts: 1 })
  const data = new Blob(["x".repeat(5 * 1024 * 1024)], { type: "text/plain" })
  await notion.fileUploads.send({ file_upload_id: upload.id, part_number: "1", file: { filename: "b.txt", data } })
  assert.equal((await notion.fileUploads.complete({ file_upload_id: upload.id })).status, "uploaded")
}

async function until(ask, holds) {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const answer = await ask()
    if (holds(answer)) return answer
  }
  assert.fail("it never came")
}

for (const notionVersion of ["2025-09-03", "2026-03-11"]) {
  await new Client({ auth: "ntn_person_Hanako", baseUrl, notionVersion }).users.me({})
  const notion = new Client({ auth: "ntn_local", baseUrl, notionVersion, retry: false })
  const person = await users(notion)
  const page = await pages(notion)
  const home = await schema(notion, page)
  const made = await rows(notion, home, person)
  await queries(notion, home, person)
  await blocks(notion, page, notionVersion === "2026-03-11")
  await files(notion, made[0].id)
  await views(notion, home)
  await newer(notion, page, home, made[2].id)
  if (process.argv[3] === "plus") await parts(notion)
  await rest(notion, page, made[1].id)
  console.log(`toured ${notionVersion}`)
}
