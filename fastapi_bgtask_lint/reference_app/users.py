"""Register a user, send the mails in tasks."""

from typing import Annotated

from anyio import Path as AsyncPath
from fastapi import APIRouter, BackgroundTasks, HTTPException, Response, status
from pydantic import BaseModel, EmailStr, StringConstraints
from sqlalchemy.exc import IntegrityError

from fastapi_bgtask_lint.reference_app.database import Session, Transaction, new_session
from fastapi_bgtask_lint.reference_app.homes import home, removed_on_error
from fastapi_bgtask_lint.reference_app.jobs import background_task
from fastapi_bgtask_lint.reference_app.mail import is_temporary, send_mail
from fastapi_bgtask_lint.reference_app.models import Job, JobState, User, new_id
from fastapi_bgtask_lint.reference_app.parameters import Id
from fastapi_bgtask_lint.reference_app.problems import BODY, answers, not_found
from fastapi_bgtask_lint.reference_app.settings import settings

router = APIRouter(prefix="/users", tags=["users"])


class NewUser(BaseModel):
    """Who wants to register."""

    email: EmailStr
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f]+$")]


class NewAddress(BaseModel):
    """Where mail goes from now on."""

    email: EmailStr


class UserShown(BaseModel):
    """A user, and what became of the welcome mail."""

    id: str
    email: str
    name: str
    welcome_mail: JobState
    welcome_job: str


@router.post("", status_code=status.HTTP_201_CREATED, responses=answers(*BODY, 409))
async def register(new: NewUser, session: Session, tasks: BackgroundTasks, response: Response) -> UserShown:
    """Register a user. The mails are sent after the answer; `GET /users/{id}` tells how the welcome mail fares."""
    user_id = new_id()
    welcome, notice = send_welcome.job(user_id), tell_staff.job(user_id)
    try:
        async with removed_on_error(home(user_id)):
            await AsyncPath(home(user_id)).mkdir(parents=True)
            session.add_all([welcome, notice])
            await session.flush()
            session.add(User(id=user_id, email=new.email.lower(), name=new.name, welcome_id=welcome.id))
            await session.flush()
        # Not removed if this fails: when its answer is lost, nobody knows whether the user is there.
        await session.commit()
    except IntegrityError:
        raise HTTPException(status.HTTP_409_CONFLICT, f"{new.email} is registered already.") from None

    # Committed: the tasks find their rows. If the first fails, the second still runs.
    tasks.add_task(send_welcome, welcome.id)
    tasks.add_task(tell_staff, notice.id)
    response.headers["Location"] = f"/users/{user_id}"
    return UserShown(
        id=user_id, email=new.email.lower(), name=new.name, welcome_mail=welcome.state, welcome_job=welcome.id
    )


@router.get("/{user_id}", responses=answers(404))
async def show(user_id: Id, session: Session) -> UserShown:
    """A user, and what became of the welcome mail."""
    user = await session.get(User, user_id)
    if user is None:
        raise not_found("user", user_id)
    return await shown(user, session)


@router.put("/{user_id}/email", responses=answers(*BODY, 404, 409))
async def move(user_id: Id, new: NewAddress, session: Transaction, tasks: BackgroundTasks) -> UserShown:
    """Change a user's address and send a mail to it.

    The session commits by itself when this returns: before the response is sent and before the task begins.
    """
    user = await session.get(User, user_id)
    if user is None:
        raise not_found("user", user_id)
    user.email = new.email.lower()
    notice = confirm_address.job(user_id, new_id())
    session.add(notice)
    try:
        await session.flush()
    except IntegrityError:
        raise HTTPException(status.HTTP_409_CONFLICT, f"{new.email} is registered already.") from None
    tasks.add_task(confirm_address, notice.id)
    return await shown(user, session)


async def shown(user: User, session: Session) -> UserShown:
    """What the client gets to see."""
    welcome = await session.get_one(Job, user.welcome_id)
    return UserShown(
        id=user.id, email=user.email, name=user.name, welcome_mail=welcome.state, welcome_job=user.welcome_id
    )


@background_task(deadline=60, attempts=3, retry_on=is_temporary)
async def send_welcome(user_id: str) -> None:
    """Welcome a user by mail."""
    email, name = await address(user_id)
    await send_mail(email, "Welcome", f"Welcome, {name}!", key=f"welcome-{user_id}")


@background_task(deadline=60, attempts=3, retry_on=is_temporary)
async def tell_staff(user_id: str) -> None:
    """Tell the staff about a new user."""
    email, name = await address(user_id)
    await send_mail(settings.staff, "New user", f"{name} <{email}> has registered.", key=f"new-{user_id}")


@background_task(deadline=60, attempts=3, retry_on=is_temporary)
async def confirm_address(user_id: str, change_id: str) -> None:
    """Tell a user's new address that it is in use."""
    email, name = await address(user_id)
    await send_mail(email, "Your new address", f"{name}, mail goes here now.", key=f"moved-{change_id}")


async def address(user_id: str) -> tuple[str, str]:
    """The address and name of a user, read in a session that is closed before anything slow begins."""
    async with new_session() as session:
        user = await session.get_one(User, user_id)
        return user.email, user.name
