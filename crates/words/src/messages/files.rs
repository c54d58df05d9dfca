//! Files and folders, and why the system refuses them.

use super::messages;

messages! {
    FileMessage of "files.toml":
    "file.cannot_read" => CannotRead { path, reason },
    "file.cannot_write" => CannotWrite { path, reason },
    "file.not_found" => NotFound { path },
    "file.folder_unreadable" => FolderUnreadable { path, reason },
    "file.no_photo_in_folder" => NoPhotoInFolder { path },
    "file.over_other" => OverOther { path },
    "file.over_input" => OverInput { path },
    "file.twice" => Twice { path },
    "file.no_output" => NoOutput { reason },
    "written.files" => Written { paths },
    "written.next" => Next { command },
    "reason.not_found" => ReasonNotFound,
    "reason.permission_denied" => ReasonPermissionDenied,
    "reason.is_a_folder" => ReasonIsAFolder,
    "reason.not_a_folder" => ReasonNotAFolder,
    "reason.not_regular" => ReasonNotRegular,
    "reason.exists" => ReasonExists,
    "reason.too_large" => ReasonTooLarge,
    "reason.storage_full" => ReasonStorageFull,
    "reason.read_only" => ReasonReadOnly,
    "reason.address_not_available" => ReasonAddressNotAvailable,
    "reason.incomplete" => ReasonIncomplete,
    "reason.not_a_list" => ReasonNotAList,
    "reason.not_a_photo_name" => ReasonNotAPhotoName { name },
    "reason.other" => ReasonOther { detail },
}
