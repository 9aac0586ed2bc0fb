//! The repositories that a caller may see, found at a cost that does not grow with those that it may not.

use api::{Call, Failure};
use registry::RepositorySummary;

/// Projects that are looked through for one page.
const PROJECTS_MAX: u32 = 100;

/// Repositories, and whether there are more.
pub(crate) struct Reach {
    pub(crate) repositories: Vec<RepositorySummary>,
    pub(crate) is_cut: bool,
}

/// Returns up to `limit` repositories that the caller may pull from, by name.
pub(crate) async fn visible(call: &Call, limit: usize) -> Result<Reach, Failure> {
    let wanted = |have: usize| crate::words::count(limit.saturating_sub(have));
    if call.caller.access().actor().is_administrator() {
        let (repositories, is_cut) = call.visible_repositories(None, "", wanted(0)).await?;
        return Ok(Reach { repositories, is_cut });
    }
    let page = tenancy::PageRequest { after: None, limit: Some(PROJECTS_MAX) };
    let projects = call.app.tenancy().list_projects(call.caller.tenant(), &page).await?;
    let mut reach = Reach { repositories: Vec::new(), is_cut: projects.next.is_some() };
    for project in &projects.items {
        if reach.repositories.len() >= limit {
            reach.is_cut = true;
            break;
        }
        let left = wanted(reach.repositories.len());
        let (repositories, more) = call.visible_repositories(Some(&project.name), "", left).await?;
        reach.is_cut |= more;
        reach.repositories.extend(repositories);
    }
    Ok(reach)
}
