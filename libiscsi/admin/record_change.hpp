#pragma once

#include "libiscsi/admin/file_lock.hpp"
#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_tree.hpp"
#include "libiscsi/admin/staged_texts.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi::admin {

// How long a change waits for the lock, who is told of it, and a seam for tests: the file system to
// change.
struct change_options {
    // open-iscsi's: hundreds of callers may stand in line, each with its files to flush.
    static constexpr std::chrono::milliseconds lock_patience{30'000};

    std::chrono::milliseconds patience = lock_patience;
    file_system* files = nullptr; // nullptr: the real one
    lock_listener on_wait = {};   // while another one changes the tree
};

// One change of the record tree, under its lock. After each of its steps the disk holds either the
// old or the new state of a file, never a half.
// There is one at a time, in all processes: it holds the lock until its end. Each step is lasting
// when it returns; a fault in the middle leaves whole files, some of them old. What was made for a
// file that could not be put (its link, the folders above) goes again, as far as the disk lets it.
//
// Many steps are quicker as one: begin_many() → the steps → end_many(). They are lasting then; a
// power cut before leaves each file old or new, and whole.
class record_change {
  public:
    // Which file is going to be put, with which text.
    struct text_of_file {
        std::filesystem::path file;
        std::string text;
    };

    // Creates the root if it must, takes the lock and clears what a dead writer left behind.
    // Faults: file_errc::lock_failed after `patience`, write_failed.
    static result<record_change> begin(const record_tree& tree, const change_options& how);

    record_change(record_change&& other) noexcept;
    record_change& operator=(record_change&&) = delete;
    ~record_change(); // ends many steps that nobody has ended: after a fault of one of them

    // So many steps follow, these files among them. Changes what they cost, and nothing else: few
    // go as ever, and what cannot be prepared here fails in its own step or succeeds.
    void begin_many(std::size_t steps, const std::vector<text_of_file>& texts = {});
    // Everything is lasting, or the fault says what may be old after a power cut.
    result<void> end_many();

    // A text that is there already is not written again: a discovery mostly finds what it knows.
    result<void> put_file(const std::filesystem::path& file, std::string_view text);
    // A link of that name that leads elsewhere is replaced. For the file that is put next: a link
    // that is new goes again when that one fails.
    result<void> put_link(const std::filesystem::path& link, const std::filesystem::path& to);

    // And the folders above it that are empty then, but never a branch of the tree. A file that is
    // not there is fine.
    result<void> remove(const std::filesystem::path& file);

  private:
    record_change(record_tree tree, file_system& files, file_lock lock)
        : tree_(std::move(tree))
        , files_(&files)
        , lock_(std::move(lock))
        , staged_(files, tree_.root()) {}

    // New files wait in the branch where they belong: a rename stays in one file system even when
    // the branch is a link to another one.
    std::filesystem::path staged_for(const std::filesystem::path& file) const;
    result<void> clear_staged();
    template <class Make>
    result<void> put_name(const std::filesystem::path& name, Make make);
    result<void> undo(result<void> why);
    bool put_staged(const std::filesystem::path& file, std::string_view text);
    result<void> make_folders(const std::filesystem::path& folder);
    result<void> sync_folder(const std::filesystem::path& folder);

    record_tree tree_;
    file_system* files_;
    file_lock lock_;
    std::vector<std::filesystem::path> made_; // folders and links, since a file was put
    staged_texts staged_;
    bool many_ = false;
    std::set<std::filesystem::path> unsynced_; // the root or branches, each perhaps a file system
};

} // namespace iscsi::admin
